#include "report/style.h"

#include "draw/style.h"

namespace seqvit::report {
namespace {

const char* const kPageStyle = R"(
:root {
  color-scheme: light dark;
  --paper: #fbfaf8; --rule: #e2dfd9; --accent: #0b6a72; --note: #fdf3e1; --note-edge: #c98a1b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161b; --rule: #2c333c; --accent: #56c4cd; --note: #2a2416; --note-edge: #d6a445;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-behavior: smooth; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
header, main, footer, nav ul { max-width: 74rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 2.5rem); }
header { padding-top: clamp(1.75rem, 5vw, 3.5rem); }
h1 { margin: .15em 0 .3em; font-size: clamp(1.7rem, 1.2rem + 2.4vw, 2.7rem); line-height: 1.15; letter-spacing: -.02em;
  overflow-wrap: anywhere; text-wrap: balance; }
h2 { margin: 0 0 .5rem; font-size: 1.35rem; line-height: 1.25; letter-spacing: -.01em; }
h3 { margin: 1.6rem 0 .4rem; font-size: 1rem; }
p { max-width: 44rem; margin: .4rem 0 1rem; overflow-wrap: anywhere; text-wrap: pretty; }
.kicker { margin: 0; color: var(--accent); font-weight: 600; font-size: .85rem; letter-spacing: .04em; }
.lead { font-size: 1.15rem; line-height: 1.5; }
.soft { color: var(--soft); font-size: .9rem; }
a { color: var(--accent); text-underline-offset: .2em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
nav { position: sticky; top: 0; z-index: 1; margin-top: 1.5rem; background: var(--paper);
  border-bottom: 1px solid var(--rule); }
nav ul { display: flex; gap: .25rem 1.4rem; overflow-x: auto; list-style: none; scrollbar-width: none; }
nav a { display: block; padding: .7rem 0; color: var(--soft); text-decoration: none; white-space: nowrap; font-size: .95rem; }
nav a:hover { color: var(--ink); }
section { padding: 2.25rem 0 .75rem; scroll-margin-top: 2.5rem; }
section + section { border-top: 1px solid var(--rule); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 1px; margin: 1.5rem 0 0; padding: 0;
  overflow: hidden; border: 1px solid var(--rule); border-radius: .6rem; background: var(--rule); }
.tiles div { padding: .8rem 1rem; background: var(--card); }
.tiles dt { color: var(--soft); font-size: .85rem; }
.tiles dd { margin: 0; font-size: 1.3rem; font-weight: 600; letter-spacing: -.01em; }
.charts, .maps { display: grid; gap: 1rem; margin: 1rem 0 1.5rem; }
.charts { align-items: start; grid-template-columns: repeat(auto-fit, minmax(min(27rem, 100%), 1fr)); }
.maps { grid-template-columns: repeat(auto-fit, minmax(min(18rem, 100%), 1fr)); }
.chart { margin: 0; padding: .9rem .9rem .4rem; background: var(--card); border: 1px solid var(--rule); border-radius: .6rem;
  break-inside: avoid; }
.chart svg { display: block; width: 100%; max-width: 31rem; height: auto; margin: .5rem 0 0; overflow: visible; }
figcaption { font-size: .9rem; line-height: 1.45; }
figcaption strong { display: block; font-weight: 600; }
.key { display: inline-flex; align-items: center; gap: .4rem; margin-right: .9rem; color: var(--soft); }
.swatch { flex: none; width: .75rem; height: .75rem; border-radius: 50%; background: var(--c); }
.swatch.s2, .swatch.s3 { border-radius: 2px; }
.scroll { overflow-x: auto; margin: 1rem 0; border: 1px solid var(--rule); border-radius: .6rem; background: var(--card); }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
th, td { padding: .5rem .6rem; text-align: right; white-space: nowrap; border-top: 1px solid var(--rule); }
th:first-child { padding-left: .9rem; }
thead th { border-top: 0; color: var(--soft); font-weight: 500; vertical-align: bottom; white-space: normal; line-height: 1.3; }
th[scope=row], thead th:first-child { text-align: left; }
th[scope=row] { position: sticky; left: 0; background: var(--card); font-weight: 600; }
td small, th small { display: block; color: var(--soft); font-size: .8rem; font-weight: 400; }
.best { font-weight: 700; color: var(--accent); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(19rem, 100%), 1fr)); gap: 0 2.5rem; }
.facts dl { margin: .3rem 0 1rem; }
.facts dl div { display: grid; grid-template-columns: 8.5rem 1fr; gap: 0 1rem; padding: .35rem 0; border-top: 1px solid var(--rule); }
.facts dt { color: var(--soft); } .facts dd { margin: 0; overflow-wrap: anywhere; }
.note { padding: .7rem 1rem; border-left: 3px solid var(--note-edge); border-radius: .2rem; background: var(--note); }
code, pre { font: .88em/1.5 ui-monospace, "SFMono-Regular", "DejaVu Sans Mono", Menlo, Consolas, monospace; }
pre { overflow-x: auto; margin: .6rem 0 1rem; padding: 1rem; border: 1px solid var(--rule); border-radius: .6rem; background: var(--card); }
summary { cursor: pointer; padding: .3rem 0; font-weight: 600; }
footer { padding-top: 1.5rem; padding-bottom: 3rem; color: var(--soft); font-size: .88rem; }
@media (max-width: 32rem) {
  .tiles { grid-template-columns: 1fr 1fr; } .tiles dd { font-size: 1.15rem; }
  .chart { padding: .7rem .5rem .3rem; } th, td { padding: .5rem .6rem; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print {
  :root { color-scheme: light; --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --rule: #bbb; --grid: #ddd;
    --accent: #0b5a62; --s1: #0b5a62; --s2: #a0440a; --s3: #5b3fa0; --note: #fff; }
  body { font-size: 9.5pt; } nav { display: none; } section { padding: 1rem 0 0; }
  header, main, footer { max-width: none; padding-left: 0; padding-right: 0; }
  .charts { grid-template-columns: 1fr 1fr; } .maps { grid-template-columns: 1fr 1fr 1fr; }
  .chart svg, .swatch, .tiles, .note { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .scroll { overflow: visible; } h2, h3 { break-after: avoid; } tr, .chart { break-inside: avoid; }
  pre { white-space: pre-wrap; }
}
)";

}  // namespace

std::string report_style() {
  return draw::style_sheet() + kPageStyle;
}

}  // namespace seqvit::report
