import { Markup } from './html.ts';

/** Colours as on the page (Okabe-Ito hues, darkened or lightened until they can be read). */
export const STYLE = new Markup(`
:root { --page: #f4f6f5; --surface: #fff; --line: #dfe5e2; --text: #14201b; --muted: #55635d; --accent: #0b6b4e;
  --s1: #0072b2; --s2: #c14a00; --s3: #00795a; --s4: #a3497c; --s5: #8a6100; --s6: #2b8fc7; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f1513; --surface: #171e1b; --line: #2a3530; --text: #e8efec; --muted: #a3b1ab; --accent: #4ccb9a;
    --s1: #56b4e9; --s2: #ff8a3d; --s3: #1fc795; --s4: #e394c3; --s5: #f0c04c; --s6: #9ad4f7; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1200px; margin: 0 auto; padding: 24px 16px 48px; }
h1 { font-size: 24px; margin: 0 0 8px; }
h2 { font-size: 18px; margin: 32px 0 8px; }
p { margin: 8px 0; max-width: 80ch; }
.notice { border-left: 4px solid var(--s2); padding: 4px 12px; background: var(--surface); }
.foot { color: var(--muted); font-size: 13px; margin-top: 32px; }
.scroll { overflow-x: auto; background: var(--surface); border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 6px 10px; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--muted); font-weight: 600; }
tbody th { font-weight: 600; white-space: normal; min-width: 18ch; }
.range { display: block; color: var(--muted); font-size: 12px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; margin-top: 16px; }
figure { margin: 0; background: var(--surface); border: 1px solid var(--line); border-radius: 6px; padding: 12px; }
figcaption { font-weight: 600; margin-bottom: 4px; }
figure svg { display: block; width: 100%; height: auto; }
.grid { stroke: var(--line); }
.tick, .axis { fill: var(--muted); font-size: 12px; }
.label { fill: currentColor; font-size: 12px; font-weight: 600; }
.mark { fill: currentColor; }
.bar, .curve { fill: none; stroke: currentColor; stroke-width: 2; }
.bar { stroke-width: 1.5; }
.band { fill: currentColor; opacity: 0.15; }
.key { width: 14px; height: 14px; vertical-align: -2px; margin-right: 4px; }
.s1 { color: var(--s1); } .s2 { color: var(--s2); } .s3 { color: var(--s3); }
.s4 { color: var(--s4); } .s5 { color: var(--s5); } .s6 { color: var(--s6); }
details { background: var(--surface); border: 1px solid var(--line); border-radius: 6px; padding: 6px 12px; margin-top: 8px; }
summary { cursor: pointer; }
summary:focus-visible, .scroll:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
pre { overflow-x: auto; font-size: 12px; }
`);
