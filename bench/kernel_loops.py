"""Inner loops of the attention kernel in two object files: the same instructions?

    bench/kernel_loops.py OLD.o NEW.o

For a processor that is not at hand: a change to the kernel's templates that leaves the loops' instructions alone leaves their speed
alone. Each object is one compiled kernel (src/ops/flash/kernel_*.cpp). A loop counts if it holds no other and multiplies at least 16
times. Prints, for every function: loops of both objects (multiplications, instructions, moves between registers and the stack), then
those of one only. Exit code 1 if a loop of OLD has no equal in NEW. Kinds of moves, and address arithmetic (mov, lea, add), are
taken as one. Needs objdump.
"""
import collections
import re
import subprocess
import sys

MULTIPLY = re.compile(r"vdpbf16ps|vfn?m(add|sub)\d+ps")
KINDS = ((re.compile(r"vmov(aps|ups|dq)"), "vmov"), (re.compile(r"(mov|lea|add)[lq]?$"), "address"),
         (re.compile(r"(vfn?m(?:add|sub))\d+ps"), r"\1"))

Instruction = collections.namedtuple("Instruction", "address name operands")


def functions(path):
    """Name without namespaces and clone numbers -> instructions, one list for each clone."""
    text = subprocess.run(["objdump", "-dC", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    found = collections.defaultdict(list)
    for line in text.splitlines():
        if name := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            short = re.sub(r"seqvit::flash::|\(anonymous namespace\)::|\(.*", "", name[1])
            found[short].append([])
        elif instruction := re.match(r"\s+([0-9a-f]+):\s+(\S+)\s*(.*)$", line):
            found[short][-1].append(Instruction(int(instruction[1], 16), instruction[2], instruction[3]))
    return found


def kind(name):
    for pattern, replacement in KINDS:
        if pattern.match(name):
            return pattern.sub(replacement, name) if "\\" in replacement else replacement
    return name


def loops(code):
    """Innermost loops: (multiplications, instructions, stack moves, how many of each kind)."""
    index = {instruction.address: i for i, instruction in enumerate(code)}
    spans = []
    for i, instruction in enumerate(code):
        target = instruction.name.startswith("j") and re.match(r"[0-9a-f]+", instruction.operands)
        if target and index.get(int(target[0], 16), i + 1) <= i:
            spans.append((index[int(target[0], 16)], i))
    for begin, end in spans:
        if any((b, e) != (begin, end) and begin <= b and e <= end for b, e in spans):
            continue
        body = code[begin:end + 1]
        multiplications = sum(bool(MULTIPLY.match(i.name)) for i in body)
        if multiplications >= 16:
            stack = sum(i.name.startswith("vmov") and "mm" in i.operands and bool(re.search(r"r[sb]p", i.operands)) for i in body)
            yield multiplications, len(body), stack, tuple(sorted(collections.Counter(kind(i.name) for i in body).items()))


def main():
    old, new = (collections.defaultdict(set, {name: {loop for code in clones for loop in loops(code)}
                                              for name, clones in functions(path).items()}) for path in sys.argv[1:3])
    lost = 0
    for name in sorted(old.keys() | new.keys()):
        if not old[name] | new[name]:
            continue
        shown = lambda some: " ".join(f"{m}/{n}/{s}" for m, n, s, _ in sorted(some)) or "none"
        print(f"{name}\n  both {shown(old[name] & new[name])}, old only {shown(old[name] - new[name])}, "
              f"new only {shown(new[name] - old[name])}")
        lost += len(old[name] - new[name])
    if not any(old.values()):
        sys.exit(f"{sys.argv[1]}: no such loop; is it an optimised kernel?")
    print(f"{lost} loops of {sys.argv[1]} have no equal in {sys.argv[2]}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
