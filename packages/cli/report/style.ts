/** The style of the page about a run: light or dark, as the reader has it. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1c2024; --soft: #5c6670; --page: #fbfaf7;
  --card: #ffffff; --rule: #e2dfd8; --a: #b4501e; --b: #1f6f8b; --c: #6b7a1e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e6e1; --soft: #a3a9b0;
  --page: #16181b; --card: #1e2125; --rule: #33383e; --a: #f0955c; --b: #6cc3e0; --c: #b9c75f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 26px; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 40px 0 12px; }
p.sub { margin: 0 0 20px; color: var(--soft); }
dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
  gap: 12px; margin: 20px 0; }
dl.facts div, figure, .sample { background: var(--card); border: 1px solid var(--rule);
  border-radius: 8px; padding: 12px 14px; }
dt { color: var(--soft); font-size: 13px; }
dl.facts dd { margin: 0; font-size: 19px; font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 460px), 1fr));
  gap: 16px; }
figure { margin: 0; }
figure:first-child { grid-column: 1 / -1; }
figcaption { font-weight: 600; font-size: 14px; }
.key { font-weight: 400; margin-left: 12px; white-space: nowrap; }
.key::before { content: ""; display: inline-block; width: 14px; height: 3px;
  margin-right: 5px; vertical-align: middle; background: currentColor; }
svg { display: block; width: 100%; height: auto; margin-top: 6px; }
svg text { fill: var(--soft); font-size: 11px; font-family: inherit; }
.grid { stroke: var(--rule); stroke-width: 1; }
.line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.line.l0 { stroke: var(--a); } .line.l1 { stroke: var(--b); } .line.l2 { stroke: var(--c); }
.dot.l0 { fill: var(--a); } .dot.l1 { fill: var(--b); } .dot.l2 { fill: var(--c); }
.key.l0 { color: var(--a); } .key.l1 { color: var(--b); } .key.l2 { color: var(--c); }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
td { border-top: 1px solid var(--rule); padding: 5px 12px 5px 0; vertical-align: top;
  overflow-wrap: anywhere; }
td:first-child { color: var(--soft); width: 32%; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr));
  gap: 32px; }
.sample { margin-bottom: 14px; }
pre { margin: 4px 0 12px; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 13px/1.45 ui-monospace, monospace; }
.sample b { font-size: 13px; color: var(--soft); font-weight: 600; }
`;
