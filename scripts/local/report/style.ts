/** The report's style sheet: light and dark, phone to paper, with no font and no file from elsewhere. */

const LIGHT = `
  color-scheme: light;
  --page: #f7f6f2; --surface: #ffffff; --ink: #1c1b19; --quiet: #5f5b53; --line: #dedad1; --soft: #efece5;
  --accent: #1d4f91; --added: #d9f2de; --added-ink: #0d4a22; --removed: #fbe1dd; --removed-ink: #7d1d12;
  --mark: #ffe9a3; --mark-ink: #3a2c00; --warn: #fff3d6; --warn-ink: #6b4300; --warn-line: #d9a33a;
  --v1: #4a5568; --v2: #1f5fbf; --v3: #0b7a62; --v4: #8a3ab9; --v5: #b4430f; --v6: #a81b55;`;

const DARK = `
  color-scheme: dark;
  --page: #151618; --surface: #1d1f22; --ink: #eceae5; --quiet: #aaa69d; --line: #36383d; --soft: #27292d;
  --accent: #8ab8f5; --added: #143822; --added-ink: #b5efc6; --removed: #47201b; --removed-ink: #ffc9c0;
  --mark: #5c4a10; --mark-ink: #fff1c4; --warn: #352a12; --warn-ink: #ffdd9a; --warn-line: #94702a;
  --v1: #a9b4c6; --v2: #7fb2ff; --v3: #54d0ae; --v4: #d19cf5; --v5: #ff9d66; --v6: #ff8ab5;`;

const LOOKS = [1, 2, 3, 4, 5, 6].map((look) => `.v${look} { color: var(--v${look}); }`).join("\n");

export const STYLE = `
:root {${LIGHT} }
@media (prefers-color-scheme: dark) { :root {${DARK} } }
@media print { :root {${LIGHT} --page: #ffffff; } }
* { box-sizing: border-box; }
html { font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Open Sans", sans-serif; background: var(--page);
  color: var(--ink); -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 58rem; padding: 3.5rem 1.5rem 4rem; overflow-wrap: break-word; }
h1, h2, .figure { font-family: "Iowan Old Style", "Palatino Linotype", Palatino, Charter, Georgia, serif;
  font-weight: 600; letter-spacing: -0.01em; line-height: 1.15; text-wrap: balance; }
h1 { font-size: clamp(1.9rem, 1.3rem + 2.6vw, 2.9rem); margin: 0.4rem 0 0.8rem; }
h2 { font-size: 1.6rem; margin: 0 0 0.5rem; }
h3 { font-size: 1rem; margin: 0; line-height: 1.35; }
p { margin: 0 0 0.7rem; text-wrap: pretty; }
main > section { margin-top: 3.5rem; }
code { font: 0.875em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
a { color: var(--accent); text-underline-offset: 0.18em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 4px; }
.quiet, .lead, figcaption { color: var(--quiet); }
.lead { max-width: 68ch; margin-bottom: 1.4rem; }
.sr-only { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.eyebrow { font-size: 0.85rem; letter-spacing: 0.04em; color: var(--quiet); margin: 0; }
.intro { font-size: 1.1rem; max-width: 62ch; }
.notice { background: var(--warn); color: var(--warn-ink); border: 1px solid var(--warn-line); border-radius: 10px;
  padding: 0.8rem 1rem; margin: 1.4rem 0; max-width: 74ch; }
.notice p:last-child { margin: 0; }
.tag { font: 600 0.72rem/1 system-ui, sans-serif; letter-spacing: 0.03em; border: 1px solid currentColor;
  border-radius: 99px; padding: 0.22em 0.6em; white-space: nowrap; vertical-align: 0.15em; color: var(--quiet); }
.tag.simulated { color: var(--warn-ink); background: var(--warn); border-color: var(--warn-line); }
.tag.mismatch { color: var(--removed-ink); background: var(--removed); }
.tag.live { color: var(--added-ink); background: var(--added); }
.facts { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px; background: var(--line);
  border: 1px solid var(--line); border-radius: 12px; overflow: hidden; margin: 1.8rem 0 1rem; padding: 0; }
.facts div { background: var(--surface); padding: 0.9rem 1.1rem; display: flex; flex-direction: column-reverse;
  justify-content: flex-end; }
.facts dt { color: var(--quiet); font-size: 0.875rem; line-height: 1.35; }
.facts dd { margin: 0; }
.figure { font-size: 1.75rem; font-variant-numeric: lining-nums tabular-nums; white-space: nowrap; }
nav ul { display: flex; flex-wrap: wrap; gap: 0.3rem 1.3rem; list-style: none; padding: 0; margin: 0; }
nav a { display: inline-block; padding: 0.3rem 0; }
figure { margin: 0 0 1.8rem; }
figcaption { font-size: 0.875rem; max-width: 76ch; margin-top: 0.6rem; }
.chart { display: block; width: 100%; height: auto; font: 13px system-ui, sans-serif; overflow: visible; }
figure .chart { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 8px; }
.chart.narrow { display: none; }
.grid { stroke: var(--line); }
.tick, .threshold-label { fill: var(--quiet); font-variant-numeric: tabular-nums; }
.tick.small, .threshold-label { font-size: 12px; }
.threshold { stroke: var(--quiet); stroke-dasharray: 3 4; }
.band { fill: var(--soft); opacity: 0.55; }
.band-label { fill: currentColor; font-weight: 600; }
.line { fill: none; stroke: var(--quiet); stroke-width: 1.5; }
.dots circle { fill: currentColor; opacity: 0.34; }
.chart g > circle, .chart g > path { fill: currentColor; }
.chart .whisker { fill: none; stroke: currentColor; stroke-width: 2; }
.chart .mark > * { stroke: var(--surface); stroke-width: 2; paint-order: stroke; }
.value { font-weight: 700; font-size: 15px; fill: var(--ink); stroke: var(--surface); stroke-width: 4; paint-order: stroke;
  font-variant-numeric: tabular-nums; }
.multiples { list-style: none; margin: 0 0 1.8rem; padding: 0; display: grid; gap: 0.2rem 1rem;
  grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); }
.multiples li { display: grid; grid-row: span 4; grid-template-rows: subgrid; row-gap: 0.2rem; }
.multiples h3 { align-self: end; }
.multiples p { margin: 0; font-size: 0.875rem; line-height: 1.4; }
.multiples .delta { font-variant-numeric: tabular-nums; margin-bottom: 0.3rem; }
.multiples .chart { margin-bottom: 0.2rem; }
.multiples li > :last-child { margin-bottom: 1.2rem; }
.scroll { overflow-x: auto; background: var(--surface); border: 1px solid var(--line); border-radius: 12px;
  margin-bottom: 1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: 0.8rem 1rem 0.3rem; color: var(--quiet); font-size: 0.875rem; }
th, td { text-align: right; padding: 0.55rem 0.65rem; white-space: nowrap; border-top: 1px solid var(--line); }
thead th { border: 0; white-space: normal; font-weight: 500; color: var(--quiet); vertical-align: bottom; }
tr > :first-child { text-align: left; }
.overall { font-weight: 700; } .overall .quiet { font-weight: 400; }
.version { display: inline-flex; align-items: baseline; gap: 0.35em; font-weight: 600; white-space: nowrap; }
.shape { width: 0.85em; height: 0.85em; fill: currentColor; flex: none; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 12px; padding: 1.3rem 1.4rem;
  margin-bottom: 1rem; }
.card header { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; justify-content: space-between; align-items: baseline; }
.card h3 { font-size: 1.1rem; } .card h3 .tag { margin-left: 0.35rem; }
.verdict { margin: 0; } .verdict strong { font-size: 1.1rem; } .delta { font-variant-numeric: tabular-nums; }
.verdict .delta { font-weight: 600; }
.origin { font-size: 0.9rem; color: var(--quiet); margin-bottom: 0.9rem; }
blockquote { margin: 0 0 0.9rem; padding: 0 0 0 0.9rem; border-left: 3px solid var(--line); max-width: 70ch; }
blockquote p { margin: 0; white-space: pre-line; }
[dir="auto"] { text-align: start; unicode-bidi: isolate; }
.prompt, .text { white-space: pre-wrap; overflow-wrap: anywhere; }
.prompt { background: var(--soft); border-radius: 8px; padding: 0.9rem 1.1rem; font-size: 0.94rem; line-height: 1.6; }
.diff .kept { color: var(--quiet); }
ins { background: var(--added); color: var(--added-ink); text-decoration: underline; text-underline-offset: 0.2em;
  text-decoration-thickness: 1px; border-radius: 3px; box-decoration-break: clone; -webkit-box-decoration-break: clone; }
del { background: var(--removed); color: var(--removed-ink); border-radius: 3px; }
.elided { font-style: italic; font-size: 0.85em; }
.unseen { unicode-bidi: isolate; }
.unseen::before { content: attr(data-code); font: 600 0.68em ui-monospace, monospace; color: var(--warn-ink);
  background: var(--warn); border: 1px solid var(--warn-line); border-radius: 3px; padding: 0 0.25em; margin: 0 0.1em; }
summary { cursor: pointer; }
.card > details { margin-top: 0.9rem; } .card > details > summary { color: var(--accent); }
.card > details[open] > summary { margin-bottom: 0.6rem; }
.timeline { list-style: none; margin: 0; padding: 0; }
.timeline > li { display: grid; grid-template-columns: 6.5rem 1fr; gap: 0 2.5rem; position: relative; padding-bottom: 1.5rem; }
.timeline > li::before { content: ""; position: absolute; left: 7.2rem; top: 0.35rem; width: 0.8rem; height: 0.8rem;
  border-radius: 50%; background: var(--surface); border: 2px solid var(--accent); }
.timeline > li.change::before { background: var(--accent); border-radius: 2px; }
.timeline > li:not(:last-child)::after { content: ""; position: absolute; left: calc(7.6rem - 1px); top: 1.4rem;
  bottom: -0.1rem; border-left: 2px solid var(--line); }
.timeline p { margin: 0.15rem 0 0.4rem; max-width: 70ch; }
.timeline .when { margin: 0; font-size: 0.875rem; font-variant-numeric: tabular-nums; white-space: nowrap; }
.by { font-weight: 400; color: var(--quiet); }
.changed { list-style: none; padding: 0; margin: 0.15rem 0 0.4rem; }
.hurried { margin: -0.6rem 0 1.4rem; padding-left: 1.2rem; max-width: 68ch; color: var(--quiet); font-size: 0.94rem; }
.checked { max-width: 74ch; }
.patterns { list-style: none; margin: 1rem 0; padding: 0; display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); }
.pattern { border-top: 2px solid var(--line); padding-top: 0.8rem; min-width: 0; }
.state { margin-bottom: 0.5rem; font-size: 0.9rem; }
.measures { display: flex; gap: 1.6rem; margin: 0 0 0.6rem; }
.measures div { display: flex; gap: 0.5rem; align-items: baseline; }
.measures dt { color: var(--quiet); font-size: 0.875rem; } .measures dd { margin: 0; font-weight: 700; }
.life { list-style: none; margin: 0.6rem 0 0; padding: 0; font-size: 0.9rem; }
.life > li { display: grid; grid-template-columns: 3.6rem 1fr; gap: 0 1.6rem; position: relative; padding-bottom: 0.6rem; }
.life > li::before { content: ""; position: absolute; left: 4.1rem; top: 0.4rem; width: 0.6rem; height: 0.6rem;
  border-radius: 50%; background: var(--surface); border: 2px solid var(--accent); }
.life > li.to-active::before { background: var(--accent); }
.life > li:not(:last-child)::after { content: ""; position: absolute; left: calc(4.4rem - 1px); top: 1.15rem;
  bottom: -0.3rem; border-left: 2px solid var(--line); }
.life p { margin: 0; } .life .when { color: var(--quiet); white-space: nowrap; }
.satisfaction { max-width: 25rem; margin: 1.2rem 0 0.8rem; }
.curve { fill: none; stroke: currentColor; stroke-width: 2; }
.key { font-weight: 600; white-space: nowrap; } .key .shape { margin-right: 0.3em; }
.tested > h3 { font-size: 1.2rem; margin: 1.6rem 0 0.8rem; }
.beside { display: grid; grid-template-columns: minmax(0, 26rem) 1fr; gap: 0.4rem 1.6rem; align-items: start; }
.evidence { margin: 0 0 0.6rem; }
.evidence .threshold-label { stroke: var(--surface); stroke-width: 4; paint-order: stroke; }
 .counts { flex-wrap: wrap; gap: 0.2rem 1.2rem; } .counts dt { white-space: nowrap; }
.test blockquote { margin-top: 0.6rem; } .receipt { font-size: 0.9rem; margin: 0 0 0.3rem; } .budget { max-width: 74ch; }
.ids { font-size: 0.85rem; color: var(--quiet); } .finding { font-size: 0.94rem; }
.conversation { padding: 0; }
.conversation > summary { padding: 1rem 1.4rem; display: flex; flex-wrap: wrap; gap: 0.2rem 1.2rem;
  justify-content: space-between; align-items: baseline; }
.conversation > summary::before { content: "▸"; color: var(--quiet); width: 1ch; margin-right: -0.6rem; }
.conversation[open] > summary::before { content: "▾"; }
.conversation > summary::-webkit-details-marker { display: none; }
.question { flex: 1 1 24rem; font-weight: 600; overflow-wrap: anywhere; }
.path { font-size: 0.9rem; font-variant-numeric: tabular-nums; } .step { white-space: nowrap; }
.held { border-top: 1px solid var(--line); padding: 1.1rem 1.4rem; }
.held h3 { margin-bottom: 0.7rem; }
.exchange + .exchange { margin-top: 1.3rem; padding-top: 1.1rem; border-top: 1px dashed var(--line); }
.said { display: grid; grid-template-columns: 6rem 1fr; gap: 0 1rem; margin-bottom: 0.7rem; }
.who { color: var(--quiet); font-size: 0.875rem; margin: 0.1rem 0 0; }
.person .text { color: var(--quiet); }
mark { background: var(--mark); color: var(--mark-ink); border-radius: 3px; padding: 0.08em 0.1em;
  box-decoration-break: clone; -webkit-box-decoration-break: clone; }
sup { font-size: 0.7em; font-weight: 700; line-height: 0; color: var(--quiet); margin-left: 0.15em; }
.judgement { margin-left: 7rem; font-size: 0.9rem; }
.judgement p { margin: 0 0 0.2rem; }
.scores { list-style: none; padding: 0; margin: 0; display: flex; flex-wrap: wrap; gap: 0.15rem 1.2rem; }
.scores sup { margin: 0; } .scores .void { flex-basis: 100%; }
footer { margin-top: 4rem; padding-top: 1.2rem; border-top: 1px solid var(--line); color: var(--quiet); font-size: 0.9rem; }
footer p { max-width: 74ch; }
${LOOKS}
@media (max-width: 40rem) {
  body { padding: 1.8rem 1rem 3rem; }
  main > section { margin-top: 2.8rem; }
  .facts { grid-template-columns: 1fr 1fr; } .facts div { padding: 0.75rem 0.9rem; } .figure { font-size: 1.45rem; }
  .chart.wide { display: none; } .chart.narrow { display: block; }
  figure .chart { padding: 4px; }
  .multiples { grid-template-columns: 1fr 1fr; }
  .card { padding: 1.1rem 1rem; } .conversation { padding: 0; }
  .conversation > summary, .held { padding: 0.9rem 1rem; }
  .timeline > li { grid-template-columns: 1fr; padding-left: 1.7rem; }
  .timeline > li::before { left: 0; } .timeline > li:not(:last-child)::after { left: calc(0.4rem - 1px); }
  .beside { grid-template-columns: minmax(0, 1fr); }
  .said { grid-template-columns: 1fr; } .judgement { margin-left: 0; }
  .question { flex-basis: 85%; }
}
@media print {
  html { font-size: 11pt; } body { max-width: none; padding: 0; }
  nav { display: none; }
  .card, figure, .multiples li, .timeline > li, .pattern { break-inside: avoid; }
  .conversation, .organization { break-inside: auto; }
  h2, h3 { break-after: avoid; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  .scroll { overflow: visible; } th, td { padding: 0.3rem 0.5rem; }
}
`;
