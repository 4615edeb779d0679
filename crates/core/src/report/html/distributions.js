// Two releases: how long every event takes after its cause, both side by side on one logarithmic scale.

function distributions() {
  const { classes, pairs_needed, least_p } = report.comparison.timing;
  if (classes.length === 0) return [h('p', { class: 'faint' }, 'No gap was long enough, and in enough runs of both, to be compared.')];
  const few = report.comparison.pairs < pairs_needed;
  const row = (one, number) => {
    const p = Math.min(one.p_slower, one.p_faster);
    const role = one.is_sure ? 'bad' : '';
    return h('tr', { class: role },
      h('th', { scope: 'row' }, one.event === null ? 'whole run' : [one.event, h('span', { class: 'faint' }, ` after ${one.after}`)],
        h('span', { class: 'faint block' }, one.session)),
      h('td', { class: 'plot' }, twoHistograms(one, report.distributions[number])),
      h('td', { class: 'number' }, one.baseline_ns === null ? '–' : span(one.baseline_ns)),
      h('td', { class: 'number' }, one.candidate_ns === null ? '–' : span(one.candidate_ns)),
      h('td', { class: `number strong ${role}` }, times(one.factor), one.interval_95 && h('span', { class: 'faint block' }, `${times(one.interval_95[0])} … ${times(one.interval_95[1])}`)),
      h('td', { class: `number ${role}` }, chance(p), one.same_release_factor !== null && h('span', { class: 'faint block' }, `same release ${times(one.same_release_factor)}`)));
  };
  return [
    few && h('p', { class: 'notice' }, `Time is not judged: ${plural(report.comparison.pairs, 'pair')} can show p = ${chance(least_p)} at best, ${pairs_needed} pairs are needed for ${report.comparison.alpha}.`),
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Distributions of gaps' },
      h('table', { class: 'edges' },
        h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'event after its cause'),
          h('th', { scope: 'col' }, h('span', { class: 'key baseline' }, 'baseline'), ' ', h('span', { class: 'key candidate' }, 'candidate')),
          ...['baseline', 'candidate', 'factor, 95 %', 'p'].map((text) => h('th', { scope: 'col', class: 'number' }, text)))),
        h('tbody', {}, ...classes.map(row)))),
  ].filter(Boolean);
}

function times(factor) {
  return `×${factor >= 9.95 ? factor.toFixed(1) : factor.toFixed(2)}`;
}

/** A chance is never rounded down to less than it is. */
function chance(p) {
  const scale = 10 ** (p < 0.01 ? 4 : 2);
  return (Math.ceil(p * scale - 1e-9) / scale).toFixed(p < 0.01 ? 4 : 2);
}

const BINS = 56;

/** The baseline above the line and the candidate below it, each with its median. */
function twoHistograms(one, both) {
  const all = [...both.baseline, ...both.candidate];
  if (all.length === 0) return h('span', { class: 'faint' }, 'all gaps together');
  const sorted = all.toSorted((a, b) => a - b);
  const [width, half] = [420, 26];
  // One in a hundred at either end is drawn at the edge, so that a straggler does not squeeze all others.
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const low = Math.max(Math.min(at(0.01), one.baseline_ns, one.candidate_ns) / 1.3, 1000);
  const high = Math.max(at(0.99) * 1.3, one.baseline_ns * 1.3, one.candidate_ns * 1.3, low * 2);
  const x = (ns) => (Math.log(Math.min(Math.max(ns, low), high) / low) / Math.log(high / low)) * width;
  const counted = (gaps) => {
    const bins = new Array(BINS).fill(0);
    for (const gap of gaps) bins[Math.min(Math.floor((x(gap) / width) * BINS), BINS - 1)] += 1 / gaps.length;
    return bins;
  };
  const [above, below] = [counted(both.baseline), counted(both.candidate)];
  const highest = Math.max(...above, ...below);
  const bars = (bins, up, role) => bins.map((share, bin) => share > 0 && s('rect', {
    x: (bin * width) / BINS, width: width / BINS - 0.6, class: role, height: Math.max((share / highest) * half, 1),
    y: up ? half + 2 - Math.max((share / highest) * half, 1) : half + 4 }));
  const median = (gap, up, role) => gap !== null && s('line', { x1: x(gap), x2: x(gap), y1: up ? 0 : half + 3, y2: up ? half + 3 : 2 * half + 6, class: `median ${role}` });
  const words = `${one.event ?? 'whole run'}: baseline ${one.baseline_ns === null ? 'unknown' : span(one.baseline_ns)} over ${plural(both.counts[0], 'gap')}, candidate ${one.candidate_ns === null ? 'unknown' : span(one.candidate_ns)} over ${plural(both.counts[1], 'gap')}`;
  return s('svg', { class: 'histograms', viewBox: `0 0 ${width} ${2 * half + 20}`, role: 'img', 'aria-label': words },
    s('line', { x1: 0, x2: width, y1: half + 3, y2: half + 3, class: 'axis' }),
    ...bars(above, true, 'baseline'), ...bars(below, false, 'candidate'),
    median(one.baseline_ns, true, 'baseline'), median(one.candidate_ns, false, 'candidate'),
    ...decades(low, high).map((ns) => s('text', { x: Math.min(Math.max(x(ns), 22), width - 22), y: 2 * half + 18, 'text-anchor': 'middle', class: 'faint' }, span(ns))));
}

/** Round times between two: powers of ten, and what lies between them where there are few. */
function decades(low, high) {
  const all = [];
  const steps = Math.log10(high / low) > 2.5 ? [1] : Math.log10(high / low) > 1 ? [1, 3] : [1, 1.5, 2, 3, 5, 7];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    for (const step of steps) all.push(step * 10 ** power);
  }
  return all.filter((ns) => ns >= low && ns <= high).filter((_, i, list) => list.length < 7 || i % 2 === 0);
}
