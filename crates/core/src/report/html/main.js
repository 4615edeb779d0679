// Puts the page together, and follows the address: `#run=3&frame=12`.

let view = null;

function asked() {
  const fields = new URLSearchParams(location.hash.slice(1));
  const number = (name) => (fields.has(name) && /^\d+$/.test(fields.get(name)) ? Number(fields.get(name)) : null);
  const run = number('run');
  return run !== null && run < report.runs.length ? { run, frame: number('frame') } : null;
}

/** The run that is shown unless somebody asks for another: the first in which something is wrong. */
function firstRun() {
  const shown = report.findings.find((one) => report.runs[one.shown_by[0].run].frames);
  if (shown) return { run: shown.shown_by[0].run, frame: shown.shown_by[0].frame };
  const isCandidate = (one) => report.kind === 'comparison' && one.label.startsWith('candidate');
  const run = Math.max(report.runs.findIndex((one) => one.frames && isCandidate(one)), report.runs.findIndex((one) => one.frames));
  return report.runs.length > 0 ? { run: Math.max(run, 0), frame: null } : null;
}

function openRun({ run, frame }, isAsked) {
  if (view?.number === run) {
    if (frame !== null) view.choose(frame, true);
  } else {
    const next = new RunView(run, frame);
    document.getElementById('run').replaceWith(next.element);
    view = next;
  }
  for (const link of document.querySelectorAll('a[href^="#run="]')) {
    if (link.getAttribute('href') === hashOf(run)) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
  if (isAsked) {
    view.element.focus({ preventScroll: true });
    view.element.scrollIntoView({ behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  }
}

function part(title, label, ...children) {
  return h('section', { class: 'part', 'aria-label': label }, h('h2', {}, title), ...children);
}

function overview() {
  const parts = [];
  const count = report.findings.length;
  if (report.unjudged.length > 0) parts.push(part('Not judged', 'What could not be judged', ...unjudged()));
  if (count > 0) parts.push(part(plural(count, report.kind === 'comparison' ? 'difference' : 'finding'), 'Findings', ...report.findings.map(findingCard)));
  if (report.kind === 'comparison') parts.push(part('Time', 'Time', ...distributions()));
  if (report.kind === 'probes') parts.push(part('Questions', 'Questions', ...probeMatrix()));
  if (report.kind === 'check' && report.runs.length > 0) parts.push(part('Runs', 'Runs', runsTable()));
  if (report.kind === 'comparison') parts.push(part('Runs to look at', 'Runs', h('p', { class: 'links' }, ...runLinks(report.runs.map((_, run) => ({ run, frame: null })), 60))));
  return parts;
}

document.getElementById('head').replaceChildren(...header());
document.getElementById('main').replaceChildren(...overview(), h('section', { id: 'run' }));
const start = asked() ?? firstRun();
if (start) openRun(start, asked() !== null);
window.addEventListener('hashchange', () => asked() && openRun(asked(), true));
requestAnimationFrame(() => requestAnimationFrame(() => { document.documentElement.dataset.ready = String(Math.round(performance.now())); }));
