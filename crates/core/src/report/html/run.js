// One run: its timeline, a filter, its frames, and the frame that was chosen.

class RunView {
  constructor(number, frame) {
    this.number = number;
    this.run = report.runs[number];
    this.data = framesOf(number);
    this.filter = { names: null, findings: false, text: '' };
    this.detail = h('section', { class: 'detail', id: 'detail', 'aria-label': 'The chosen frame' });
    this.element = h('section', { id: 'run', class: 'run', tabindex: -1, 'aria-labelledby': 'run-title' }, ...this.parts());
    if (this.data) {
      this.applyFilter();
      this.choose(frame ?? this.firstShown(), true);
    }
  }

  parts() {
    const { run, data } = this;
    const { sign, role } = look(report.kind === 'session' ? 'not judged' : run.verdict);
    const title = h('h2', { id: 'run-title' }, h('span', { class: `sign ${role}`, 'aria-hidden': 'true' }, sign), ' ', run.session, ' ',
      h('span', { class: 'faint' }, run.label, report.kind === 'session' ? '' : ` · ${run.verdict}`));
    if (!data) return [title, h('p', { class: 'notice' }, this.whyEmpty())];
    this.timeline = new Timeline(data, (chosen) => this.choose(chosen));
    this.list = new FrameList(data, (chosen) => this.choose(chosen));
    return [title, this.facts(), liveness(run), this.tools(), this.timeline.element,
      h('p', { class: 'faint keys', id: 'timeline-keys' },
        'Arrow keys step from event to event, n and p from finding to finding, + and − zoom, 0 shows all. Drag pans, Ctrl and wheel zooms. The bar below an event is when the golden lets it come.'),
      h('div', { class: 'halves' }, this.list.element, this.detail)].filter(Boolean);
  }

  whyEmpty() {
    if (this.run.could_not_judge) return this.run.could_not_judge.cause;
    const command = this.run.recording ? ` goldwire show ${this.run.recording} --html FILE makes a page of them.` : '';
    return `The frames of this run are not in this page: there is no recording that could be read, or no room for it.${command}`;
  }

  facts() {
    const { run, data } = this;
    const fact = (name, value) => [h('dt', {}, name), h('dd', {}, value)];
    return h('dl', { class: 'facts' },
      ...fact('recording', h('code', {}, run.recording || '–')),
      ...fact('server', `${data.url || '–'}${data.peer ? `, ${data.peer}, HTTP ${data.status}` : ''}`),
      ...fact('began', data.started || '–'),
      ...fact('took', `${span(data.ended_ns)}, ended by ${data.ending}`),
      ...fact('frames', `${group(data.count)}, stamps ${data.stamps}${run.host ? `, this machine woke at most ${span(run.host.lag_max_ns)} late` : ''}`),
      ...(report.kind === 'check' && run.recording ? fact('again', h('code', {}, `goldwire check ${run.session} --offline ${run.recording}`)) : []));
  }

  tools() {
    const { data } = this;
    const zoom = (text, label, act) => h('button', { type: 'button', 'aria-label': label, title: label, onclick: act }, text);
    this.onlyFindings = h('button', { type: 'button', 'aria-pressed': 'false', id: 'only-findings', disabled: data.shows.size === 0, onclick: () => this.toggleFindings() },
      `findings only (${group(data.shows.size)})`);
    this.count = h('span', { class: 'faint', id: 'shown-count' });
    const search = h('input', { type: 'search', id: 'search', placeholder: 'text in frames', 'aria-label': 'Show frames with this text', oninput: (event) => this.search(event.target.value) });
    return h('div', { class: 'tools', role: 'group', 'aria-label': 'Filter and zoom' },
      this.onlyFindings, ...this.nameButtons(), search, this.count,
      h('span', { class: 'zoom' },
        zoom('−', 'Zoom out', () => this.timeline.zoom(2)), zoom('+', 'Zoom in', () => this.timeline.zoom(0.5)), zoom('fit', 'fit: show all', () => this.timeline.fit())));
  }

  /** A button for every event, those that come most often first; of very many the first ones. */
  nameButtons() {
    const { data } = this;
    const order = data.names.map((_, name) => name).filter((name) => data.counts[name] > 0);
    const all = order.slice(0, 40);
    this.buttons = new Map(all.map((name) => [name, h('button', { type: 'button', class: 'name', 'aria-pressed': 'false', onclick: () => this.toggleName(name) },
      data.names[name], h('i', {}, group(data.counts[name])))]));
    return [...this.buttons.values()];
  }

  toggleFindings() {
    this.filter.findings = !this.filter.findings;
    this.onlyFindings.setAttribute('aria-pressed', String(this.filter.findings));
    this.applyFilter();
  }

  /** With no name chosen all are shown. */
  toggleName(name) {
    this.filter.names ??= new Set();
    if (!this.filter.names.delete(name)) this.filter.names.add(name);
    if (this.filter.names.size === 0) this.filter.names = null;
    for (const [own, button] of this.buttons) button.setAttribute('aria-pressed', String(this.filter.names?.has(own) ?? false));
    this.applyFilter();
  }

  search(text) {
    this.filter.text = text.toLowerCase();
    this.applyFilter();
  }

  applyFilter() {
    const { data, filter } = this;
    const passes = (frame) => (filter.names === null || filter.names.has(data.name[frame]))
      && (!filter.findings || data.shows.has(frame))
      && (filter.text === '' || data.text[frame].toLowerCase().includes(filter.text) || nameOf(data, frame).toLowerCase().includes(filter.text));
    this.mask = new Uint8Array(data.count);
    const shown = [];
    for (let frame = 0; frame < data.count; frame += 1) {
      if (passes(frame)) {
        this.mask[frame] = 1;
        shown.push(frame);
      }
    }
    this.list.show(shown);
    this.timeline.show((frame) => this.mask[frame] === 1);
    this.count.textContent = `${group(shown.length)} of ${plural(data.count, 'frame')}`;
  }

  firstShown() {
    const first = this.run.findings.find((finding) => finding.frames.length > 0);
    if (first) return Math.min(first.frames[0], this.data.count - 1);
    return this.data.count > 0 ? 0 : null;
  }

  choose(frame, isQuiet = false) {
    if (frame === null || frame >= this.data.count) return;
    this.frame = frame;
    this.timeline.select(frame);
    this.list.select(frame);
    this.detail.replaceChildren(...frameDetail(this.data, frame));
    if (isQuiet) return;
    history.replaceState(null, '', hashOf(this.number, frame));
    say(`frame ${frame}, ${nameOf(this.data, frame)}, ${moment(this.data.at[frame])}`);
  }
}

/** Whether a real server answered, in a line that opens. */
function liveness(run) {
  if (!run.live || run.live.length === 0) return null;
  const passed = run.live.filter((one) => one.answer === 'pass').length;
  const failed = run.live.filter((one) => one.answer === 'fail');
  const roles = { pass: 'good', fail: 'bad', unknown: 'faint' };
  return h('details', { class: 'live', open: failed.length > 0 },
    h('summary', {}, `live: ${passed} of ${plural(run.live.length, 'item')} pass${failed.length > 0 ? `, ${failed.map((one) => one.item).join(', ')} failed` : ''}`),
    h('ul', {}, ...run.live.map((one) => h('li', {}, h('b', { class: roles[one.answer] }, `${one.item}: ${one.answer}`), ' ', one.detail))));
}
