"""What a designer would measure on a page: contrast, names, boxes that move."""

_FAINT = """root => {
  const parse = text => text.match(/[\\d.]+/g).map(Number);
  const over = (top, below) => top.slice(0, 3).map((c, i) => c * (top[3] ?? 1) + below[i] * (1 - (top[3] ?? 1)));
  const behind = node => {
    const layers = [];
    for (let at = node; at; at = at.parentElement) layers.push(parse(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const light = colour => colour.map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (text, ground) => {
    const [a, b] = [light(over(text, ground)), light(ground)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  };
  const read = [];
  for (const node of root.querySelectorAll('*')) {
    if (!node.getClientRects().length || node.matches(':disabled, option, style, script, pre code *')) continue;
    if (getComputedStyle(node).visibility === 'hidden') continue;
    const own = [...node.childNodes].some(child => child.nodeType === 3 && child.textContent.trim());
    const ground = behind(node);
    const text = pseudo => parse(getComputedStyle(node, pseudo).color);
    if (own || node.value) read.push([node.textContent.trim().slice(0, 60) || node.value, ratio(text(), ground)]);
    if (node.placeholder && !node.value) read.push([node.placeholder, ratio(text('::placeholder'), ground)]);
  }
  if (!read.length) return ['there is nothing to read'];
  return read.filter(([, value]) => value < 4.5).map(([text, value]) => `${value.toFixed(2)}: ${text}`);
}"""

_CONTROLS = "button, input, select, textarea, [tabindex='0']"

_NAMELESS = f"""root => [...root.querySelectorAll("{_CONTROLS}")].filter(node => {{
  if (!node.getClientRects().length) return false;
  const named = node.getAttribute('aria-label') || node.labels?.[0]?.textContent;
  return !(named || (node.tagName === 'BUTTON' && /\\w/.test(node.textContent)));
}}).map(node => node.outerHTML.slice(0, 120))"""

_WATCH = f"""([root, grows]) => {{
  const nodes = [...root.querySelectorAll("{_CONTROLS}")].filter(node => node.getClientRects().length);
  const home = () => root.getBoundingClientRect();
  const place = node => {{
    const [at, box] = [home(), node.getBoundingClientRect()];
    return [box.left - at.left, box.top - at.top, box.width, box.height].map(Math.round).join(' ');
  }};
  const before = nodes.map(place), moved = window.nbchatMoved = new Set();
  const look = () => {{
    nodes.forEach((node, i) => {{
      const now = place(node);
      if (node.isConnected && now !== before[i]) moved.add(`${{node.tagName}} ${{before[i]}} → ${{now}}`);
    }});
    requestAnimationFrame(look);
  }};
  look();
  window.nbchatShifts = [];
  new PerformanceObserver(list => {{
    for (const entry of list.getEntries()) {{
      for (const {{node}} of entry.sources) {{
        if (node?.nodeType === 1 && root.contains(node) && !grows.contains(node)) nbchatShifts.push(node.className);
      }}
    }}
  }}).observe({{type: 'layout-shift', buffered: false}});
}}"""

_WATCH_GROWTH = """node => {
  window.nbchatShrinks = 0;
  let last = 0;
  new ResizeObserver(() => {
    const {height} = node.getBoundingClientRect();
    if (last > 200 && height < last - 1) nbchatShrinks += 1;
    last = height;
  }).observe(node);
}"""

_RING = """node => {
  const {outlineStyle, outlineWidth} = getComputedStyle(node);
  return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
}"""

_FOCUS_FIRST = f"""root => [...root.querySelectorAll("{_CONTROLS}")]
  .filter(node => node.getClientRects().length && !node.matches(':disabled'))
  .map(node => [node, node.getBoundingClientRect()])
  .reduce((a, b) => b[1].bottom <= a[1].top || (b[1].top < a[1].bottom && b[1].left < a[1].left) ? b : a)[0].focus()"""

_FOCUSED = """root => {
  const node = document.activeElement;
  if (!root.contains(node)) return null;
  const top = node.getBoundingClientRect().top - root.getBoundingClientRect().top;
  const name = node.getAttribute('aria-label') || node.labels?.[0]?.textContent || node.textContent;
  return {name, top};
}"""


def faint(locator):
    """The texts in it below WCAG's AA contrast of 4.5, each with its ratio.

    Not counted: what is disabled, as in WCAG, and the colours of code, which are the front-end's own.
    """
    return locator.evaluate(_FAINT)


def nameless(locator):
    """The controls in it that a screen reader has no name for."""
    return locator.evaluate(_NAMELESS)


def watch(locator, grows):
    """Start watching every control in it frame by frame; what shifts within the growing part is its own."""
    locator.page.evaluate(_WATCH, [locator.element_handle(), grows.element_handle()])


def watch_growth(locator):
    """Start watching the height of a part that grows from here on."""
    locator.evaluate(_WATCH_GROWTH)


def moves(page):
    """Return what has moved since `watch`, and the browser's layout shifts there."""
    return page.evaluate("() => [...nbchatMoved, ...nbchatShifts]")


def shrinks(page):
    """Return how often the growing part has shrunk since `watch_growth`, once it had more than a few lines."""
    return page.evaluate("nbchatShrinks")


def tab_order(page, locator, most=80):
    """Tab through it from the leftmost control of its topmost row: the name of each stop, its top in px, and whether it has a ring."""
    locator.evaluate(_FOCUS_FIRST)
    stops = []
    while len(stops) < most and (stop := locator.evaluate(_FOCUSED)) is not None:
        stops.append({**stop, "ring": page.evaluate(f"({_RING})(document.activeElement)")})
        page.keyboard.press("Tab")
    return stops
