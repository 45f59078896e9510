"use strict";
// The page of `s2s serve`. Whatever comes from a model or a user becomes text, never markup.

const by = (id) => document.getElementById(id);
let about = null;
let running = null;

function made(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in element && name !== "list") element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function headers() {
  const given = { "content-type": "application/json" };
  if (by("token").value) given.authorization = `Bearer ${by("token").value}`;
  return given;
}

async function ask(path, body, signal) {
  let response;
  try {
    response = await fetch(path, body && { method: "POST", headers: headers(), body: JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The server does not answer. It may have been stopped.");
  }
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new Error(`The server's answer was cut off (HTTP ${response.status}).`);
  }
  if (!response.ok) throw new Error(answer.error || `HTTP ${response.status}`);
  return answer;
}

function complain(message, retry) {
  const button = made("button", { type: "button", textContent: "Try again" });
  button.addEventListener("click", retry);
  by("problem").replaceChildren(made("span", { textContent: message }), button);
}

function chosen() {
  return about.models.find((model) => model.name === by("model").value) || about.models[0];
}

function fill(select, values, first) {
  const before = select.value;
  select.replaceChildren(...(first === undefined ? [] : [new Option(first, "")]), ...values.map((value) => new Option(value, value)));
  if (values.includes(before)) select.value = before;
}

function choose() {
  const model = chosen();
  fill(by("target"), model.targets);
  besides();
  by("source").lang = model.source;
}

function besides() {
  const [model, target] = [chosen(), by("target").value];
  const alike = (other) => other !== model && other.source === model.source && other.targets.includes(target);
  const others = about.models.filter(alike);
  fill(by("beside"), others.map((other) => other.name), "none");
  by("beside-field").hidden = !others.length;
}

async function begin() {
  by("problem").replaceChildren();
  const isFirst = !about;
  try {
    about = await ask("/models");
  } catch (error) {
    complain(error.message, begin);
    return;
  }
  fill(by("model"), about.models.map((model) => model.name));
  by("beam").max = about.limits.beam;
  if (isFirst) by("beam").value = Math.min(about.limits.beam, about.models[0].beam);
  by("alternatives").max = about.limits.beam - 1;
  by("token-field").hidden = !about.token;
  if (isFirst) by("token").value = remembered("token") || "";
  choose();
  tell();
}

async function again() {
  await begin(); // the server may have been started with other models
  if (!by("problem").hasChildNodes()) await translate();
}

// Where the browser keeps nothing for sites, nothing is kept.
function remembered(name) {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

function remember(name, value) {
  try {
    sessionStorage.setItem(name, value);
  } catch {
    // then it is asked for again
  }
}

// As the server counts: a character outside the basic plane is one.
const length = (text) => [...text].length;

function tell() {
  by("beam-is").textContent = by("beam").value;
  const n = length(by("source").value);
  const most = about ? about.limits.characters : Infinity;
  const left = n > most ? `: ${(n - most).toLocaleString("en")} too many` : "";
  by("count").textContent = `${n.toLocaleString("en")}${about ? ` of ${most.toLocaleString("en")}` : ""} characters${left}`;
  by("count").classList.toggle("note", n > most);
}

async function translate() {
  if (!about) return begin();
  if (!by("source").value.trim()) {
    by("results").replaceChildren();
    by("status").textContent = "Type a text first.";
    return;
  }
  if (length(by("source").value) > about.limits.characters) {
    complain(`A text may have ${about.limits.characters.toLocaleString("en")} characters: shorten it, or translate it in parts.`, translate);
    return;
  }
  if (!/^[!-~]*$/.test(by("token").value)) {
    complain("The token has characters that no token has.", translate);
    return;
  }
  if (running) running.abort();
  running = new AbortController();
  const mine = running;
  remember("token", by("token").value);
  by("problem").replaceChildren();
  by("status").textContent = "Translating …";
  by("go").setAttribute("aria-disabled", "true"); // still focused, so that the keyboard stays where it is
  const models = [chosen().name, by("beside").value].filter(Boolean);
  const alternatives = Math.max(0, Math.min(about.limits.beam - 1, Math.trunc(Number(by("alternatives").value)) || 0));
  const beam = Math.max(Number(by("beam").value), alternatives + 1);
  by("beam").value = beam;
  tell();
  const wish = { q: by("source").value, source: "auto", target: by("target").value, alternatives, beam, details: true };
  try {
    const asked = models.map((model) => ask("/translate", { ...wish, model }, mine.signal));
    const answers = await Promise.allSettled(asked);
    if (mine.signal.aborted) return;
    const good = answers.filter((answer) => answer.status === "fulfilled").map((answer) => answer.value);
    const bad = answers.find((answer) => answer.status === "rejected");
    if (good.length) by("results").replaceChildren(...good.map((answer) => shown(answer, wish)));
    by("status").textContent = good.length
      ? "Translated. Hover or focus a word to see where it comes from; arrow keys go from word to word."
      : "";
    if (bad) complain(bad.reason.message, again);
  } finally {
    if (running === mine) {
      running = null;
      by("go").removeAttribute("aria-disabled");
    }
  }
}

// ---- a translation --------------------------------------------------------------------------------------------------

function shown(answer, wish) {
  const source = made("p", { className: "text source", dir: "auto", lang: by("source").lang });
  const target = made("p", { className: "text", dir: "auto", lang: wish.target });
  const notes = [];
  answer.details.forEach((sentence, number) => {
    const sourceWords = wordsOf(sentence.source, sentence.source_words);
    const words = wordsOf(sentence.translation, sentence.words, sentence.confidence);
    const space = number && !sentence.before ? " " : sentence.before;
    source.append(space, ...sourceWords.nodes);
    target.append(space, ...words.nodes);
    link(sourceWords.words, words.words, sentence.alignment);
    if (sentence.cut) notes.push("A sentence was ended by the length limit.");
    if (sentence.in_parts) notes.push("A sentence is longer than any in training: it was translated in parts.");
  });
  [source, target].forEach(walkable);
  const model = about.models.find((one) => one.name === answer.model);
  const heading = made("h2", { textContent: `${answer.model}: ${model.source} → ${wish.target}` });
  const facts = `${Math.round(answer.milliseconds).toLocaleString("en")} ms · beam ${wish.beam} · ${(model.parameters / 1e6).toFixed(1)} million parameters`;
  const copy = made("button", { type: "button", textContent: "Copy" });
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(answer.translatedText);
      by("status").textContent = "Copied.";
    } catch {
      by("status").textContent = "The browser does not allow copying here.";
    }
  });
  const result = made("article", { className: "result" }, heading, target, key(), source);
  for (const note of new Set(notes)) result.append(made("p", { className: "note", textContent: note }));
  if (answer.alternatives) result.append(...alternatives(answer, wish));
  result.append(made("div", { className: "bar" }, copy, made("span", { className: "soft", textContent: facts })));
  if (about.corrections) result.append(correction(answer, wish));
  return result;
}

function key() {
  const grades = ["d1", "d2", "d3"].map((grade, n) => made("span", { className: `word ${grade}`, textContent: ["below 0.8", "below 0.5", "below 0.25"][n] }));
  return made("p", { className: "soft key" }, "Probability of a word: ", ...grades);
}

function alternatives(answer, wish) {
  const items = answer.alternatives.map((text) => made("li", { className: "text", textContent: text, dir: "auto", lang: wish.target }));
  const heading = made("h3", { textContent: "Alternatives" });
  return [heading, items.length ? made("ol", {}, ...items) : made("p", { className: "soft", textContent: "None." })];
}

// The words of a text, which the server has told apart, with what stands between them.
function wordsOf(text, parts, confidence) {
  const nodes = [];
  const words = [];
  let end = 0;
  for (const part of parts) {
    const start = text.indexOf(part, end);
    if (start > end) nodes.push(text.slice(end, start));
    end = start + part.length;
    const word = made("span", { className: "word", textContent: part });
    const sure = confidence && confidence[words.length];
    if (typeof sure === "number") {
      word.classList.add(sure < 0.25 ? "d3" : sure < 0.5 ? "d2" : sure < 0.8 ? "d1" : "d0");
      word.title = `probability ${sure.toFixed(2)}`;
    }
    word.partners = [];
    nodes.push(word);
    words.push(word);
  }
  nodes.push(text.slice(end));
  return { nodes, words };
}

function link(sourceWords, words, pairs) {
  for (const [from, to] of pairs) {
    if (!sourceWords[from] || !words[to]) continue;
    sourceWords[from].partners.push(words[to]);
    words[to].partners.push(sourceWords[from]);
  }
  for (const word of [...sourceWords, ...words]) {
    const light = (on) => [word, ...word.partners].forEach((one) => one.classList.toggle("linked", on));
    word.addEventListener("mouseenter", () => light(true));
    word.addEventListener("mouseleave", () => light(false));
    word.addEventListener("focus", () => light(true));
    word.addEventListener("blur", () => light(false));
  }
}

function walkable(text) {
  const words = [...text.querySelectorAll(".word")];
  words.forEach((word, number) => {
    word.tabIndex = number ? -1 : 0;
    word.addEventListener("keydown", (event) => {
      const forward = getComputedStyle(text).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
      if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
      const next = words[number + (event.key === forward ? 1 : -1)];
      if (!next) return;
      event.preventDefault();
      word.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  });
}

function correction(answer, wish) {
  const box = made("textarea", { rows: 3, dir: "auto", lang: wish.target, value: answer.translatedText, ariaLabel: "Your correction" });
  const said = made("span", { className: "soft", role: "status" });
  const from = made("select", { ariaLabel: "Language of the text" });
  fill(from, about.models.find((model) => model.name === answer.model).sources.filter((source) => source !== wish.target));
  from.hidden = from.options.length < 2;
  const save = made("button", { type: "button", textContent: "Save correction" });
  save.addEventListener("click", async () => {
    if (save.ariaDisabled === "true") return;
    save.ariaDisabled = "true";
    said.textContent = "";
    try {
      await ask("/corrections", { source: wish.q, correction: box.value, language: wish.target, machine: answer.translatedText, model: answer.model, source_language: from.value });
      said.textContent = "Saved.";
    } catch (error) {
      said.textContent = `Not saved: ${error.message}`;
    }
    save.ariaDisabled = null;
  });
  return made("details", {}, made("summary", { textContent: "Correct it" }), box, made("div", { className: "bar" }, from, save, said));
}

by("form").addEventListener("submit", (event) => {
  event.preventDefault();
  translate();
});
by("source").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    translate();
  }
});
by("source").addEventListener("input", tell);
by("beam").addEventListener("input", tell);
by("model").addEventListener("change", choose);
by("target").addEventListener("change", besides);
begin();
