# Sourced by the checks that need Python: `needs PYTHON MODULES` ends with 77 (skipped) where one is missing; $work is a directory that
# goes with the check.
needs() {
  "$1" -c "import $2" 2>/dev/null || { echo "skipped: $1 lacks one of $2"; exit 77; }
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
