"""The look of `GET /docs`: plain, readable, light or dark as the reader's system is."""

STYLE = """\
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1c2430; --soft: #586374; --line: #d9dfe8; --tint: #f3f5f9; --link: #0b57c2;
  --get: #1a6e3c; --post: #0b57c2; --patch: #8a5300; --delete: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #11161d; --ink: #e4e9f0; --soft: #a3aebd; --line: #2c3542; --tint: #1a212b; --link: #8ab8ff;
    --get: #6fd195; --post: #8ab8ff; --patch: #f0b860; --delete: #ff9a91;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
a { color: var(--link); }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem 1rem; background: var(--paper); }
header { padding: 1.5rem clamp(1rem, 4vw, 3rem); border-bottom: 1px solid var(--line); }
header h1 { margin: 0; font-size: 1.6rem; }
header p { margin: .25rem 0 0; }
small { color: var(--soft); font-size: .6em; font-weight: 400; }
.columns { display: grid; grid-template-columns: minmax(0, 1fr); }
nav, main { padding: 1rem clamp(1rem, 4vw, 3rem); min-width: 0; }
nav { border-bottom: 1px solid var(--line); }
nav h2 { margin: 1rem 0 .25rem; font-size: .95rem; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li { font: .8rem/1.7 ui-monospace, monospace; overflow-wrap: anywhere; }
nav li a { text-decoration: none; }
nav li a:hover { text-decoration: underline; }
main > section > h2 { margin: 2.5rem 0 .5rem; }
main > section:first-child > h2 { margin-top: .5rem; }
main p { max-width: 46rem; }
article { padding: .25rem 0 1rem; border-top: 1px solid var(--line); }
h3 { margin: 1rem 0 .5rem; font-size: 1.05rem; overflow-wrap: anywhere; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
h3 code { font-size: 1em; }
pre { margin: 1rem 0 0; padding: .8rem 1rem; overflow-x: auto; background: var(--tint);
  border: 1px solid var(--line); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; }
.method { display: inline-block; min-width: 3.6em; font: 700 .8em ui-monospace, monospace; }
.get { color: var(--get); }
.post, .put { color: var(--post); }
.patch { color: var(--patch); }
.delete { color: var(--delete); }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .92rem; }
caption { padding: .4rem 0; text-align: left; color: var(--soft); }
th, td { padding: .35rem .8rem .35rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--soft); }
abbr { color: var(--delete); text-decoration: none; }
@media (min-width: 64rem) {
  .columns { grid-template-columns: 25rem minmax(0, 1fr); }
  nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; border-bottom: 0;
    border-right: 1px solid var(--line); }
}
@media print { nav { display: none; } }
"""
