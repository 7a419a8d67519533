#!/usr/bin/env bash
# check_report.sh SEQVIT CHROMIUM [SCREENSHOT.png]: trains and scores a tiny model, makes its report and opens it in headless Chromium. The
# page must load without a word on the console, ask for nothing outside, lay out every figure with some width, and fit in the
# width of a phone. 77 (skipped) where there is no Chromium.
set -euo pipefail
seqvit=$1 chromium=$2
[ -x "$chromium" ] || { echo "skipped: no Chromium"; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/tiny.yaml" <<YAML
data: {files: [$here/../../samples/ncep_air_na_6h_2013_2014.nc], split: {train: [0, 400], validation: [400, 440], test: [500, 560]}}
model: {patch_size: 5, embed_dim: 16, depth: 1, num_heads: 2}
train: {steps: 30, batch_size: 4, warmup_steps: 5, validate_every: 10}
evaluate: {leads: [6h, 24h]}
YAML
export SEQVIT_CACHE=$work/cache OMP_NUM_THREADS=1
"$seqvit" train "$work/tiny.yaml" --run "$work/run"
"$seqvit" evaluate "$work/run" > "$work/table"
"$seqvit" report "$work/run"

# browse URL WIDTH: the page's DOM after scripts on standard output, its console on standard error.
browse() {
  "$chromium" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" --enable-logging=stderr \
    --allow-file-access-from-files --window-size="$2,900" --virtual-time-budget=5000 --dump-dom "$1" 2> "$work/console"
}

browse "file://$work/run/report.html" 1200 > "$work/dom.html"
if grep -E 'CONSOLE|ERR_[A-Z]+' "$work/console"; then echo "the page has errors on the console"; exit 1; fi

# A page around the report measures it as a phone shows it: figures that are drawn, and whether anything sticks out.
cat > "$work/phone.html" <<'HTML'
<!DOCTYPE html><iframe src="run/report.html" style="width:390px;height:800px;border:0"></iframe><pre id="found"></pre>
<script>
onload = () => {
  const page = document.querySelector("iframe").contentDocument;
  const drawn = [...page.querySelectorAll("figure svg")].filter(svg => svg.getBoundingClientRect().width > 100);
  const images = [...page.querySelectorAll("svg image")].filter(image => image.getBBox().width > 100);
  const small = [...page.querySelectorAll("svg text")].filter(text => text.getBoundingClientRect().height < 10);
  const loaded = page.defaultView.performance.getEntriesByType("resource").filter(entry => !entry.name.startsWith("data:"));
  const found = {loaded: loaded.length, figures: page.querySelectorAll("figure").length, drawn: drawn.length, maps: images.length,
                 small: small.length, fits: page.documentElement.scrollWidth <= 390};
  document.getElementById("found").textContent = "found " + JSON.stringify(found);
};
</script>
HTML
browse "file://$work/phone.html" 800 > "$work/phone.dom"
grep -o 'found {.*}' "$work/phone.dom"
grep -q 'found {"loaded":0,"figures":12,"drawn":12,"maps":3,"small":0,"fits":true}' "$work/phone.dom"

if [ -n "${3:-}" ]; then
  "$chromium" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" --window-size=1200,1600 \
    --screenshot="$3" "file://$work/run/report.html" 2> /dev/null
fi
