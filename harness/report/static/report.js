"use strict";
// What scripts add to the page: sorting, filtering, hiding, charts that answer the pointer, an address that
// keeps all of it. Text from outside only ever goes into textContent.
(() => {
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;
  root.classList.add("scripted");

  // State, as the address after # keeps it.
  const state = { sort: "", filter: "", all: "", differ: "", hide: "", seeds: "", at: "" };
  const readAddress = () => {
    const found = new URLSearchParams(location.hash.slice(1));
    for (const name of Object.keys(state)) state[name] = found.get(name) || "";
    const plain = location.hash.slice(1);
    if (!plain || plain.includes("=")) return;
    // An address that someone cut short may end in half an escape: it then leads nowhere.
    try { state.at = decodeURIComponent(plain); } catch { state.at = plain; }
  };
  const writeAddress = () => {
    const kept = new URLSearchParams(Object.entries(state).filter(([, value]) => value));
    const text = kept.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  };

  // Light and dark.
  const themeButton = byId("theme");
  const darkNow = () => root.dataset.theme === "dark"
    || (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  const showTheme = () => themeButton.setAttribute("aria-pressed", String(darkNow()));
  const remembered = (value) => {
    try {
      if (value) localStorage.setItem("harness-theme", value);
      return localStorage.getItem("harness-theme");
    } catch { return null; }  // a browser may refuse storage to local files
  };
  if (["light", "dark"].includes(remembered())) root.dataset.theme = remembered();
  themeButton.addEventListener("click", () => {
    root.dataset.theme = darkNow() ? "light" : "dark";
    remembered(root.dataset.theme);
    showTheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  showTheme();

  // The tables, one per suite and conditions: all show the same columns, sorted alike, each by itself.
  const tables = [...document.querySelectorAll("table.comparison")];
  const headsOf = (table) => [...table.tHead.rows[0].cells];
  const columns = tables.length ? headsOf(tables[0]) : [];
  const rows = [...document.querySelectorAll("table.comparison tbody tr")];
  const nameOf = (row) => row.cells[0].querySelector("a").textContent;
  const valueOf = (row, at) => (at ? row.cells[at].dataset.value : nameOf(row));
  const textOf = (row, at) => (at ? row.cells[at].textContent.trim() : nameOf(row));

  tables.flatMap(headsOf).forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const key = head.dataset.key;
      const first = head.dataset.kind === "text" ? "up" : "down";
      const then = first === "up" ? "down" : "up";
      const steps = ["", `${key}.${first}`, `${key}.${then}`];
      state.sort = steps[(steps.indexOf(state.sort) + 1) % steps.length];
      show();
    });
  });
  rows.forEach((row) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "hide";
    button.textContent = "hide";
    button.setAttribute("aria-label", `hide ${nameOf(row)}`);
    row.cells[0].append(button);
    button.addEventListener("click", () => {
      const next = rows[(rows.indexOf(row) + 1) % rows.length];
      state.hide = [...hidden(), row.dataset.id].join(" ");
      show();
      next.querySelector("button").focus();
    });
  });
  const hidden = () => state.hide.split(" ").filter(Boolean);

  const sortRows = () => {
    const dot = state.sort.lastIndexOf(".");
    const at = columns.findIndex((head) => head.dataset.key === state.sort.slice(0, dot));
    const down = state.sort.slice(dot + 1) === "down";
    const number = at >= 0 && columns[at].dataset.kind !== "text";
    const compare = (a, b) => (number ? a - b : a.localeCompare(b, "en", { numeric: true }));
    const order = (one, other) => {
      const [a, b] = [valueOf(one, at), valueOf(other, at)];
      if (a === "" || b === "") return (a === "") - (b === "");  // what is not known comes last, either way
      return down ? compare(b, a) : compare(a, b);
    };
    for (const table of tables) {
      headsOf(table).forEach((head, i) => {
        if (i === at) head.setAttribute("aria-sort", down ? "descending" : "ascending");
        else head.removeAttribute("aria-sort");
      });
      const mine = rows.filter((row) => table.contains(row));
      table.tBodies[0].append(...(at >= 0 ? mine.sort(order) : mine));
    }
  };
  const filterRows = () => {
    const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
    const gone = new Set(hidden());
    for (const table of tables) {
      const suite = table.closest(".suite");
      const title = suite.querySelector("h3").textContent.toLowerCase();
      for (const row of table.tBodies[0].rows) {
        const text = `${row.textContent.toLowerCase()} ${title}`;
        row.hidden = gone.has(row.dataset.id) || !words.every((word) => text.includes(word));
      }
      suite.hidden = [...table.tBodies[0].rows].every((row) => row.hidden);
    }
  };
  const hideColumns = () => {
    const seen = rows.filter((row) => !row.hidden);
    const gone = columns.map((head, at) => {
      const same = at > 0 && Boolean(state.differ) && new Set(seen.map((row) => textOf(row, at))).size <= 1;
      return same || (!state.all && !head.hasAttribute("data-always"));
    });
    for (const table of tables) {
      table.closest(".beside").classList.toggle("all-columns", Boolean(state.all));
      for (const row of table.rows) gone.forEach((hide, at) => { row.cells[at].hidden = hide; });
    }
  };
  const show = () => {
    sortRows();
    filterRows();
    hideColumns();
    byId("filter").value = state.filter;
    byId("differ").checked = Boolean(state.differ);
    byId("all").setAttribute("aria-pressed", String(Boolean(state.all)));
    const count = rows.filter((row) => !row.hidden).length;
    const shown = columns.filter((head) => !head.hidden).length;
    byId("shown").textContent = `${count} of ${rows.length} rows, ${shown} of ${columns.length} columns`;
    writeAddress();
  };
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("filter").addEventListener("input", (event) => { state.filter = event.target.value; show(); });
  byId("all").addEventListener("click", () => { state.all = state.all ? "" : "1"; show(); });
  byId("differ").addEventListener("change", (event) => { state.differ = event.target.checked ? "1" : ""; show(); });
  byId("reset").addEventListener("click", () => {
    Object.assign(state, { sort: "", filter: "", all: "", differ: "", hide: "" });
    show();
  });

  // Charts: library and data are unpacked when the first chart comes into view.
  const unpacked = async (id) => {
    const bytes = Uint8Array.from(atob(byId(id).textContent), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  let content = null;
  const data = () => { content ||= unpacked("data").then(JSON.parse); return content; };
  let library = null;
  const loadLibrary = async () => {
    const script = document.createElement("script");
    script.textContent = await unpacked("library");
    document.head.append(script);
  };
  // A line per seed: [training, validation] of each metric, of each seed the values by epoch.
  const seedRows = (seeds) => Object.fromEntries(Object.entries(seeds).map(([metric, parts]) => [
    `seeds-${metric}`,
    parts.flatMap((found, part) => found.flatMap((values, seed) => values.map((value, epoch) => ({
      part: ["training", "validation"][part], seed: `${seed}`, epoch: epoch + 1, value,
    })))),
  ]));
  const withoutSeeds = (spec) => ({
    ...spec,
    concat: spec.concat.map((panel) => ({
      ...panel, layer: panel.layer.filter((one) => !String(one.data?.name).startsWith("seeds-")),
    })),
  });
  const enliven = async (figure) => {
    library ||= loadLibrary();
    await library;
    const { specs, charts } = await data();
    const [spec, tables, seeds] = charts[figure.dataset.chart];
    const datasets = Object.fromEntries(tables.map((rows, i) => [`d${i}`, rows]));
    const wanted = Boolean(seeds && state.seeds);
    if (wanted) Object.assign(datasets, seedRows(seeds));
    const options = { actions: false, renderer: "svg", ast: true, tooltip: { disableDefaultStyle: true } };
    const place = figure.querySelector(".picture");
    const box = document.createElement("div");
    await window.vegaEmbed(box, { ...(seeds && !wanted ? withoutSeeds(specs[spec]) : specs[spec]), datasets }, options);
    const svg = box.querySelector("svg");
    // As large as the static picture: it may be made smaller by the style sheet, never cut.
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", place.querySelector("svg").getAttribute("aria-label"));
    svg.querySelectorAll("[aria-roledescription],[role^=graphics]").forEach((node) => {
      node.removeAttribute("aria-roledescription");
      node.removeAttribute("role");
    });
    place.replaceChildren(box);
  };
  const drawn = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watcher.unobserve(entry.target);
      drawn.add(entry.target);
      enliven(entry.target).catch((error) => console.error(error));
    }
  });
  document.querySelectorAll("figure[data-chart]").forEach((figure) => watcher.observe(figure));

  byId("seeds").addEventListener("change", async (event) => {
    state.seeds = event.target.checked ? "1" : "";
    writeAddress();
    const { charts } = await data();
    for (const figure of drawn) if (charts[figure.dataset.chart][2]) await enliven(figure);
  });

  // Two variants of a suite.
  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const signs = { better: "▲", worse: "▼", same: "=", unresolved: "?" };
  const judgedCell = ([text, verdict, interval]) => {
    const cell = element("td", text);
    if (verdict) {
      const word = element("span", ` ${verdict}`, `verdict ${verdict}`);
      const sign = element("span", signs[verdict]);
      sign.setAttribute("aria-hidden", "true");
      word.prepend(sign);
      cell.append(" ", word);
    }
    if (interval) cell.append(element("span", interval, "interval"));
    return cell;
  };
  const pairTable = (names, [one, other], figures, found) => {
    const table = element("table", "", "small");
    const head = table.createTHead().insertRow();
    for (const text of ["", names[1], names[0], `${names[1]} against ${names[0]}`]) {
      const cell = element("th", text);
      cell.scope = "col";
      head.append(cell);
    }
    const body = table.createTBody();
    figures.forEach(([title, , compared], at) => {
      if (!one[at] && !other[at]) return;
      const row = body.insertRow();
      const cell = element("th", title);
      cell.scope = "row";
      row.append(cell, element("td", other[at], "number"), element("td", one[at], "number"), judgedCell(compared ? found[at] : []));
    });
    return table;
  };
  const showPair = async (box) => {
    const result = box.querySelector(".result");
    const [second, first] = [...box.querySelectorAll("select")].map((select) => select.selectedOptions[0]);
    const { pairs, figures } = await data();
    const { members, pairs: judged } = pairs[box.dataset.suite];
    const names = [first.textContent, second.textContent];
    const found = judged[`${first.value}-${second.value}`];
    if (first.value === second.value) return result.replaceChildren(element("p", "Choose two different ones.", "quiet"));
    if (!found) {
      const text = element("p", "This pair: ");
      text.append(element("code", `harness compare --variants ${names[0]} ${names[1]}`));
      return result.replaceChildren(text);
    }
    const table = pairTable(names, [members[first.value], members[second.value]], figures, found);
    const classes = found[2].length ? `Classes that clearly differ, points: ${found[2].join("; ")}.` : "";
    result.replaceChildren(table, element("p", classes, "quiet"));
  };
  document.querySelectorAll("details.pair").forEach((box) => {
    const again = () => { if (box.open) showPair(box).catch((error) => console.error(error)); };
    box.addEventListener("toggle", again);
    box.addEventListener("change", again);
  });

  // Sections: a link opens what it leads to, and leaves the rest of the address as it is.
  const goTo = (id) => {
    const target = id && byId(id);
    if (!target) return;
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    target.scrollIntoView({ block: "start" });
    if (target.tabIndex >= -1 && target.hasAttribute("tabindex")) target.focus({ preventScroll: true });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (!link) return;
    event.preventDefault();
    state.at = link.getAttribute("href").slice(1);
    writeAddress();
    goTo(state.at);
  });
  const setAll = (open) => document.querySelectorAll("details.variant").forEach((one) => { one.open = open; });
  byId("open-all").addEventListener("click", () => setAll(true));
  byId("close-all").addEventListener("click", () => setAll(false));
  addEventListener("hashchange", () => { readAddress(); show(); goTo(state.at); });

  readAddress();
  byId("seeds").checked = Boolean(state.seeds);
  const start = state.at;
  show();
  goTo(start);
})();
