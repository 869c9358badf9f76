"use strict";
// What scripts add to the page: sorting, filtering, hiding, pairs, charts that answer the pointer, an address that
// keeps all of it. Text from outside only ever goes into textContent.
(() => {
  const byId = (id) => document.getElementById(id);
  const root = document.documentElement;
  const report = JSON.parse(byId("data").textContent);
  root.classList.add("scripted");

  // State, as the address after # keeps it.
  const state = { sort: "", filter: "", differ: "", hide: "", first: "", second: "", at: "" };
  const readAddress = () => {
    const found = new URLSearchParams(location.hash.slice(1));
    for (const name of Object.keys(state)) state[name] = found.get(name) || "";
    const plain = location.hash.slice(1);
    if (plain && !plain.includes("=")) state.at = decodeURIComponent(plain);
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

  // The table.
  const table = byId("table");
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const nameOf = (row) => row.cells[0].querySelector("a").textContent;
  const suiteAt = heads.findIndex((head) => head.dataset.key === "suite");
  const valueOf = (row, at) => (at ? row.cells[at].dataset.value : nameOf(row));
  const textOf = (row, at) => (at ? row.cells[at].textContent.trim() : nameOf(row));

  heads.forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const key = head.dataset.key;
      const first = head.dataset.kind === "number" ? "down" : "up";
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
    const at = heads.findIndex((head) => head.dataset.key === state.sort.slice(0, dot));
    const down = state.sort.slice(dot + 1) === "down";
    heads.forEach((head, i) => {
      if (i === at) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const sorted = [...rows];
    if (at >= 0) {
      const number = heads[at].dataset.kind === "number";
      const compare = (a, b) => (number ? a - b : a.localeCompare(b, "en", { numeric: true }));
      sorted.sort((one, other) => {
        const [a, b] = [valueOf(one, at), valueOf(other, at)];
        if (a === "" || b === "") return (a === "") - (b === "");  // what is not known comes last, either way
        return down ? compare(b, a) : compare(a, b);
      });
    }
    body.append(...sorted);
  };
  const filterRows = () => {
    const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean);
    const gone = new Set(hidden());
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = gone.has(row.dataset.id) || !words.every((word) => text.includes(word));
    }
  };
  const hideColumns = () => {
    const seen = rows.filter((row) => !row.hidden);
    heads.forEach((head, at) => {
      const same = at > 0 && new Set(seen.map((row) => textOf(row, at))).size <= 1;
      const hide = Boolean(state.differ) && same;
      head.hidden = hide;
      rows.forEach((row) => { row.cells[at].hidden = hide; });
    });
  };
  const show = () => {
    sortRows();
    filterRows();
    hideColumns();
    byId("filter").value = state.filter;
    byId("differ").checked = Boolean(state.differ);
    const count = rows.filter((row) => !row.hidden).length;
    const columns = heads.filter((head) => !head.hidden).length;
    byId("shown").textContent = `${count} of ${rows.length} rows, ${columns} of ${heads.length} columns`;
    showPair();
    writeAddress();
  };
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  byId("filter").addEventListener("input", (event) => { state.filter = event.target.value; show(); });
  byId("differ").addEventListener("change", (event) => { state.differ = event.target.checked ? "1" : ""; show(); });
  byId("reset").addEventListener("click", () => {
    Object.assign(state, { sort: "", filter: "", differ: "", hide: "" });
    show();
  });

  // Charts: the library is read when the first chart comes into view.
  let embed = null;
  const library = () => {
    if (!embed) {
      const script = document.createElement("script");
      script.textContent = byId("library").textContent;
      document.head.append(script);
      embed = window.vegaEmbed;
    }
    return embed;
  };
  const places = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const unpacked = (column) => (Array.isArray(column[0])
    ? [...column[1]].map((place) => column[0][places.indexOf(place)]) : column);
  const rowsOf = (table) => {
    const columns = Object.entries(table).map(([name, column]) => [name, unpacked(column)]);
    const length = columns.length ? columns[0][1].length : 0;
    return Array.from({ length }, (_, i) => Object.fromEntries(columns.map(([name, values]) => [name, values[i]])));
  };
  const draw = async (place, specNumber, datasets) => {
    const spec = { ...report.specs[specNumber], datasets };
    const options = { actions: false, renderer: "svg", ast: true, tooltip: { disableDefaultStyle: true } };
    const box = document.createElement("div");
    await library()(box, spec, options);
    const svg = box.querySelector("svg");
    // As large as the static picture: it may be made smaller by the style sheet, never cut.
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", place.dataset.label || place.querySelector("svg")?.getAttribute("aria-label") || "chart");
    svg.querySelectorAll("[aria-roledescription],[role^=graphics]").forEach((node) => {
      node.removeAttribute("aria-roledescription");
      node.removeAttribute("role");
    });
    place.dataset.label = svg.getAttribute("aria-label");
    place.replaceChildren(box);
  };
  const enliven = (figure) => {
    const [spec, tables] = report.charts[figure.dataset.chart];
    const named = Object.fromEntries(tables.map((columns, i) => [`d${i}`, rowsOf(columns)]));
    return draw(figure.querySelector(".picture"), spec, named);
  };
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watcher.unobserve(entry.target);
      enliven(entry.target).catch((error) => console.error(error));
    }
  });
  document.querySelectorAll("figure[data-chart]").forEach((figure) => watcher.observe(figure));

  // Two variants side by side.
  const selects = ["first", "second"].map(byId);
  rows.forEach((row) => {
    const several = new Set(rows.map((other) => textOf(other, suiteAt))).size > 1;
    const text = several ? `${nameOf(row)} (${textOf(row, suiteAt)})` : nameOf(row);
    selects.forEach((select) => select.append(new Option(text, row.dataset.id)));
  });
  const showPair = () => {
    selects.forEach((select) => { select.value = state[select.id]; });
    const pair = selects.map((select) => rows.find((row) => row.dataset.id === select.value));
    byId("pair-view").hidden = !(pair[0] && pair[1]);
    if (byId("pair-view").hidden) return;
    const key = pair.map((row) => row.dataset.id).join(" ");
    if (byId("pair-view").dataset.pair === key) return;
    byId("pair-view").dataset.pair = key;
    pairTable(pair);
    pairCharts(pair).catch((error) => console.error(error));
  };
  const pairTable = (pair) => {
    const pairBody = byId("pair-table").tBodies[0];
    pair.forEach((row, i) => { byId("pair-table").tHead.rows[0].cells[i + 1].textContent = nameOf(row); });
    pairBody.replaceChildren();
    heads.forEach((head, at) => {
      if (!at || pair.every((row) => !textOf(row, at))) return;
      const line = pairBody.insertRow();
      const title = document.createElement("th");
      title.scope = "row";
      title.textContent = head.textContent;
      line.append(title);
      pair.forEach((row) => {
        const cell = line.insertCell();
        cell.textContent = textOf(row, at);
        cell.className = head.dataset.kind === "number" ? "number" : "";
      });
      if (textOf(pair[0], at) !== textOf(pair[1], at)) line.className = "baseline";
    });
  };
  const pairCharts = async (pair) => {
    const [one, other] = pair.map((row) => report.variants[row.dataset.id]);
    byId("pair-names").textContent = `First: ${nameOf(pair[0])}. Second: ${nameOf(pair[1])}.`;
    const curves = [one, other].flatMap((variant, i) => {
      if (!variant.curves) return [];
      const points = rowsOf(report.charts[variant.curves][1][0]).filter((point) => point.part === "validation");
      return points.map((point) => ({ ...point, arm: i ? "second" : "first" }));
    });
    byId("pair-curves").dataset.label = "Validation accuracy of both variants by epoch";
    await draw(byId("pair-curves"), report.pair.curves[0], { d0: curves });
    const place = byId("pair-confusion");
    const comparable = one.classes === other.classes && one.matrix.length && other.matrix.length;
    place.closest("figure").hidden = !comparable;
    if (!comparable) return;
    place.dataset.label = "Confusion matrix of the second variant less the first's";
    await draw(place, report.pair.confusion[one.classes][0], { d0: confusion(one, other) });
  };
  const confusion = (one, other) => {
    const names = report.classes[one.classes];
    const cells = names.flatMap((truth, i) => names.map((predicted, j) => ({
      true: truth, predicted, value: (other.matrix[i][j] - one.matrix[i][j]) / 10, good: i === j,
    }))).filter((cell) => cell.value);
    const largest = Math.max(...cells.map((cell) => Math.abs(cell.value)), 0.001);
    const signed = (value, digits) => (value > 0 ? "+" : "") + value.toFixed(digits).replace("-", "−");
    return cells.map((cell) => ({
      true: cell.true,
      predicted: cell.predicted,
      effect: (cell.value > 0) === cell.good ? "better" : "worse",
      strength: Math.abs(cell.value) / largest,
      text: signed(cell.value, 2),
      short: Math.abs(cell.value) < 0.05 ? "" : signed(cell.value, Math.abs(cell.value) >= 9.95 ? 0 : 1),
    }));
  };
  selects.forEach((select) => select.addEventListener("change", () => { state[select.id] = select.value; show(); }));
  byId("swap").addEventListener("click", () => {
    [state.first, state.second] = [state.second, state.first];
    show();
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
  addEventListener("beforeprint", () => setAll(true));
  addEventListener("hashchange", () => { readAddress(); show(); goTo(state.at); });

  readAddress();
  const start = state.at;
  show();
  goTo(start);
})();
