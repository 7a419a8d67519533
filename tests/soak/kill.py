"""Kills training runs in every way at random moments, and holds what comes of it against an unbroken run.

A run on 1, 2 or 4 ranks is broken one to three times, resumed after each, then let go to its end. It passes when
  - nothing hangs: every start ends within LIMIT seconds, whatever was done to it;
  - it ends with a code that docs/faults.md has for what was done, and with one line of error where that is an error;
  - the last resume ends with 0, weights and moments of its last checkpoint are those of an unbroken run on the same mesh bit for bit, and
    so are the losses in metrics.jsonl;
  - no temporary file or directory is left.

What is done (FAULTS): SIGKILL of one rank or of all with mpirun, SIGTERM, SIGINT, SIGSTOP of a rank, a full disk, a data file cut short
while it is read, a checkpoint directory that can only be read. The run directories lie on a small tmpfs where this user may mount one
(root); where not, the two faults that need it are left out, and a line says so.
"""

import argparse
import collections
import ctypes
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 90.0  # seconds that a start may take on busy cores before it counts as hanging
# parallel.timeout_seconds: how long a stopped rank is waited for, and no less than an unbroken run takes here; and that of
# runs that nothing breaks, which may start slowly.
SILENCE, PATIENCE = 4, 60
STEPS = 150  # of a run
DISK = 16 << 20  # bytes of the tmpfs
MESHES = {
    "1": (1, []),
    "2": (2, ["--parallel.sp=2", "--parallel.sequence=ring"]),
    "4": (4, ["--parallel.pp=2", "--parallel.dp=2", "--parallel.zero=1", "--train.micro_batches=2"]),
}
CONFIG = """
data:
  files: [{data}]
  lead_time: 6h
  split: {{train: [0, 400], validation: [400, 416], test: [500, 520]}}
  cache_bytes: 0
model: {{patch_size: 5, embed_dim: 16, depth: 2, num_heads: 4, drop_path: 0.1}}
train: {{steps: {steps}, batch_size: 4, warmup_steps: 5, learning_rate: 1e-3, seed: 1, checkpoint_every: 10, validate_every: 30,
  keep_checkpoints: 2}}
"""
KILLED = {128 + signal.SIGKILL, -signal.SIGKILL}


def children(pid):
    """Processes that `pid` has started, in order."""
    try:
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def is_running(pid, program):
    """False before it has become `program` and after it has ended."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0] == program
    except OSError:
        return False


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Disk:
    """The file system that runs lie on: a tmpfs that can be filled, or a plain directory."""

    def __init__(self, directory):
        self.path = directory
        self.mounted = os.geteuid() == 0 and self.mount(f"size={DISK}") == 0

    def mount(self, options):
        return subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(self.path)], capture_output=True
        ).returncode

    def read_only(self, directory):
        """By a mount over itself: the file system stays as it is, and so do the files that are open for writing.

        It is made read-only where nobody writes yet, then laid over the directory: a file opened in between would
        keep it busy.
        """
        aside = self.path / "read-only"
        aside.mkdir(exist_ok=True)
        subprocess.run(["mount", "--bind", directory, aside], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", aside], check=True)
        subprocess.run(["mount", "--bind", aside, directory], check=True)
        subprocess.run(["umount", "-l", aside], check=True)

    @staticmethod
    def read_write(directory):
        subprocess.run(["umount", "-l", directory], capture_output=True)

    def fill(self):
        with open(self.path / "ballast", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                pass

    def empty(self):
        (self.path / "ballast").unlink(missing_ok=True)

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.path)])


class Job:
    """A start of `seqvit train`."""

    def __init__(self, soak, mesh, run, resume, silence=PATIENCE):
        ranks, settings = MESHES[mesh]
        launcher = ["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none"] if ranks > 1 else []
        command = launcher + [soak.program, "train", str(soak.config), "--run", str(run), *settings]
        command += [f"--parallel.timeout_seconds={silence}"] + ["--resume"] * resume
        environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "SEQVIT_CACHE": str(soak.work / "cache"),
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        }
        self.program = soak.program
        self.ranks = ranks
        self.silence = silence
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=self.errors, start_new_session=True
        )

    def rank_pids(self):
        """Ranks that live; waits for them where the launcher has not started them yet. None where the job is over."""
        if self.ranks == 1:
            return [self.process.pid]
        while self.process.poll() is None:
            ranks = [p for p in children(self.process.pid) if is_running(p, self.program)]
            if ranks:
                return ranks
            time.sleep(0.001)
        return []

    def kill_all(self):
        for pid in [self.process.pid, *children(self.process.pid)]:
            send(pid, signal.SIGKILL)

    @staticmethod
    def reap():
        """Waits for ranks that outlive their mpirun for a moment: they still hold the run's lock."""
        for _ in range(500):
            try:
                if os.waitpid(-1, os.WNOHANG) == (0, 0):
                    time.sleep(0.01)
            except ChildProcessError:
                return

    def wait(self):
        """Exit code and what it said; no code where it hangs."""
        try:
            code = self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            code = None
            self.kill_all()
            self.process.wait()
        self.reap()
        self.errors.seek(0)
        return code, self.errors.read().decode(errors="replace")


class Soak:
    def __init__(self, options):
        self.program = str(pathlib.Path(options.program).resolve())
        self.random = random.Random(options.seed)
        self.kills = options.kills
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="seqvit-soak-"))
        (self.work / "disk").mkdir()
        self.disk = Disk(self.work / "disk")
        self.run_directory = self.disk.path / "run"
        self.checkpoints = self.run_directory / "checkpoints"
        self.last_checkpoint = self.checkpoints / f"step-{STEPS:08}"
        self.data = self.work / "air.nc"
        shutil.copy(ROOT / "samples" / "ncep_air_na_6h_2013_2014.nc", self.data)
        self.config = self.work / "soak.yaml"
        self.config.write_text(CONFIG.format(data=self.data, steps=STEPS))
        self.counts = collections.Counter()
        self.failures = []

    # What is done to a running job; each returns the exit codes that it may end with. A job whose last checkpoint is written may also
    # end with 0: it was over.

    def sigkill_one(self, job):
        pids = job.rank_pids()
        if pids:
            send(self.random.choice(pids), signal.SIGKILL)
        return {5, *KILLED}

    def sigkill_all(self, job):
        job.kill_all()
        return KILLED

    # mpirun ends its ranks soon after the signal, so that they may be killed while they save.
    def sigterm(self, job):
        send(job.process.pid, signal.SIGTERM)
        return {0, 5, 128 + signal.SIGTERM, -signal.SIGTERM, 1, *KILLED}

    def sigint(self, job):
        for pid in job.rank_pids():
            send(pid, signal.SIGINT)
        return {0, -signal.SIGINT, 128 + signal.SIGINT}

    def sigstop(self, job):
        pids = job.rank_pids()
        if not pids:
            return self.sigkill_all(job)
        stopped = self.random.choice(pids)
        send(stopped, signal.SIGSTOP)
        if job.ranks == 1:  # nobody waits for it: it goes on where it was
            time.sleep(self.random.uniform(0, 1.5 * job.silence))
            send(stopped, signal.SIGCONT)
            return {0}
        return {5, *KILLED}

    def full_disk(self, job):
        self.disk.fill()
        return {0, 4}

    def truncated_data(self, job):
        os.truncate(self.data, self.random.randrange(self.data.stat().st_size))
        return {0, 3}

    def read_only_directory(self, job):
        if not self.checkpoints.exists():
            return self.sigkill_all(job)
        self.disk.read_only(self.checkpoints)
        return {0, 4}

    def undo(self):
        if self.disk.mounted:
            self.disk.read_write(self.checkpoints)
            self.disk.empty()
        sample = ROOT / "samples" / "ncep_air_na_6h_2013_2014.nc"
        if self.data.stat().st_size != sample.stat().st_size:
            stat = self.data.stat()
            shutil.copy(sample, self.data)
            os.utime(self.data, ns=(stat.st_atime_ns, stat.st_mtime_ns))

    def faults(self):
        always = [self.sigkill_one, self.sigkill_all, self.sigterm, self.sigint, self.sigstop, self.truncated_data]
        return always + ([self.full_disk, self.read_only_directory] if self.disk.mounted else [])

    # One run, broken and resumed.

    def result(self, run):
        """What must be the same bit for bit: the shards of the last checkpoint, and the losses."""
        last = max((run / "checkpoints").glob("step-*"))
        shards = {file.name: file.read_bytes() for file in sorted(last.glob("*.safetensors"))}
        losses = {}
        for line in (run / "metrics.jsonl").read_text().splitlines():
            record = json.loads(line)
            if "loss" in record:
                losses[record["step"]] = record["loss"]
        return last.name, shards, losses

    def unbroken(self, mesh):
        run = self.disk.path / f"unbroken-{mesh}"
        start = time.monotonic()
        code, said = Job(self, mesh, run, resume=False).wait()
        if code != 0:
            sys.exit(f"soak: the unbroken run on {mesh} ranks ends with {code}:\n{said}")
        seconds = time.monotonic() - start
        result = self.result(run)
        shutil.rmtree(run)
        return result, seconds

    def broken(self, name, mesh, expected, seconds):
        run = self.run_directory
        done = []
        try:
            for _ in range(min(self.random.randint(1, 3), self.kills - self.counts["kills"])):
                fault = self.random.choice(self.faults())
                after = self.random.uniform(0, seconds)
                done.append(f"{fault.__name__} after {after:.2f} s")
                job = Job(self, mesh, run, resume=True, silence=max(SILENCE, round(seconds)))
                time.sleep(after)
                allowed = {0} if job.process.poll() is not None else fault(job)
                code, said = job.wait()
                allowed |= {0} if self.last_checkpoint.exists() else set()
                self.undo()
                self.counts["kills"] += 1
                self.counts[f"{fault.__name__}: {'hangs' if code is None else code}"] += 1
                if code not in allowed:
                    return self.failed(name, done, f"ended with {code}, expected one of {sorted(allowed)}", said)
            code, said = Job(self, mesh, run, resume=True).wait()
            if code != 0:
                return self.failed(name, done, f"the last resume ends with {code}", said)
            found = self.result(run)
            if found != expected:
                what = [text for text, a, b in zip(("last checkpoint", "weights", "losses"), found, expected) if a != b]
                return self.failed(name, done, f"{' and '.join(what)} differ from the unbroken run's", said)
            left = [str(p) for p in run.rglob("*") if p.name.endswith(".tmp")]
            if left:
                return self.failed(name, done, f"left behind: {left}", said)
        finally:
            self.undo()
            shutil.rmtree(run, ignore_errors=True)

    def failed(self, name, done, why, said):
        self.failures.append(f"{name}: {'; '.join(done)}: {why}\n{said[-2000:]}")
        print(f"soak: FAILED {self.failures[-1]}", flush=True)

    def run(self):
        start = time.monotonic()
        if not self.disk.mounted:
            print("soak: no tmpfs can be mounted here (needs root): full disk and read-only directory are left out")
        references = {mesh: self.unbroken(mesh) for mesh in MESHES}
        runs = 0
        while self.counts["kills"] < self.kills:
            mesh = list(MESHES)[runs % len(MESHES)]
            runs += 1
            self.broken(f"run {runs} on {mesh} ranks", mesh, *references[mesh])
            print(
                f"soak: {self.counts['kills']}/{self.kills} kills, {runs} runs, {len(self.failures)} failures, "
                f"{time.monotonic() - start:.0f} s",
                flush=True,
            )
        for what, count in sorted(self.counts.items()):
            print(f"  {what:40} {count}")
        return 1 if self.failures else 0

    def close(self):
        self.disk.close()
        shutil.rmtree(self.work, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: ranks whose mpirun was killed come to us
    soak = Soak(parser.parse_args())
    try:
        return soak.run()
    finally:
        soak.close()


if __name__ == "__main__":
    sys.exit(main())
