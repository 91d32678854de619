// The page of the chat. What other people write gets into the page only as text, never as HTML.
"use strict";

const BOARD = ""; // the conversation of the posts; names are never empty
const $ = (id) => document.getElementById(id);

// What this browser keeps: who we are, what was not sent yet, and what was read.
const stored = {
  get: (key) => JSON.parse(localStorage.getItem(`chat.${key}`)),
  set: (key, value) => localStorage.setItem(`chat.${key}`, JSON.stringify(value)),
  remove: (key) => localStorage.removeItem(`chat.${key}`),
  // All entries under a prefix. Each is a key of its own, so that two tabs do not overwrite each other's.
  all: (prefix) =>
    Object.keys(localStorage)
      .filter((key) => key.startsWith(`chat.${prefix}`))
      .map((key) => JSON.parse(localStorage.getItem(key))),
};

let me = stored.get("identity"); // { name, token }, or null
let isKnown = false; // whether the name was confirmed, now or before
let lastEvent = 0;
let isReady = false; // whether all missed events have arrived
let open = BOARD;
const people = new Map(); // name → whether online
const items = new Map(); // conversation → Map of id → message or post
const votes = new Map(); // event of a post → { votes, mine, event }
const wanted = new Map(); // event of a post → the vote that the server has not confirmed
const read = new Map(); // conversation → the last event that was read

// ---- The connection ----

let socket = null;
let retry = null;
let delay = 500;
let watchdog = null;

const connect = () => {
  clearTimeout(retry);
  if (socket || !me) return;
  showConnection("connecting", "Connecting…");
  const current = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/chat`);
  socket = current;
  expectAnswer();
  current.onopen = () => current.send(JSON.stringify({ type: "hello", ...me, last_event: lastEvent }));
  current.onmessage = ({ data }) => {
    clearTimeout(watchdog);
    receive(JSON.parse(data));
  };
  current.onclose = () => disconnected(current);
};

// Gives a connection up, whether or not it knows that it has ended.
const disconnected = (which) => {
  if (socket !== which || !which) return;
  clearTimeout(watchdog);
  which.onopen = which.onmessage = which.onclose = null;
  which.close();
  socket = null;
  isReady = false;
  if (!me) return;
  showConnection("offline", "Offline");
  // Not all pages at the same moment, after a server has started again.
  retry = setTimeout(connect, delay * (0.75 + Math.random() / 2));
  delay = Math.min(delay * 2, 15000);
};

// A browser does not show a page the pings. A connection is dead if a request is not answered.
const expectAnswer = () => {
  clearTimeout(watchdog);
  const current = socket;
  watchdog = setTimeout(() => disconnected(current), 10000);
};

const send = (request) => {
  if (!isReady) return;
  socket.send(JSON.stringify(request));
  expectAnswer();
};

addEventListener("offline", () => disconnected(socket));
addEventListener("online", () => { delay = 500; connect(); });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  connect();
  markRead();
});

const receive = (message) => {
  switch (message.type) {
    case "welcome": return welcome(message.name);
    case "refused": return refused(message.reason);
    case "ready": return ready(message.people);
    case "person": people.set(message.name, message.online); return renderPeople();
    case "event": return receiveEvent(message);
    case "failed": return failed(message);
  }
};

const welcome = (name) => {
  me.name = name;
  stored.set("identity", me);
  if (!isKnown) begin(name);
};

// Shows the chat, with what this browser has kept.
const begin = (name) => {
  isKnown = true;
  for (const [conversation, event] of stored.get(`read.${name}`) ?? []) read.set(conversation, event);
  for (const entry of stored.all(`outbox.${name}/`)) keep(entry.to, { ...entry, from: name, pending: true });
  for (const { post, up } of stored.all(`vote.${name}/`)) wanted.set(post, up);
  showApp();
};

const refused = (reason) => {
  const name = me.name;
  me = null;
  isKnown = false;
  stored.remove("identity");
  showLogin(reason, name);
};

const ready = (all) => {
  for (const { name, online } of all) people.set(name, online);
  isReady = true;
  delay = 500;
  showConnection("online", "Connected");
  const [isEnd, top] = [isAtEnd(), $("scroller").scrollTop];
  render();
  if (!isEnd) $("scroller").scrollTop = top;
  for (const entry of stored.all(`outbox.${me.name}/`).sort((a, b) => a.time - b.time)) send(request(entry));
  for (const [post, up] of wanted) send({ type: "vote", post, up });
};

const receiveEvent = (event) => {
  lastEvent = Math.max(lastEvent, event.event);
  if (event.what === "votes") return receiveVotes(event);
  const isOwn = event.from === me.name;
  const conversation = event.what === "post" ? BOARD : isOwn ? event.to : event.from;
  const isNew = !items.get(conversation)?.get(key(event))?.event;
  if (isOwn) stored.remove(`outbox.${me.name}/${event.id}`);
  keep(conversation, event);
  if (!isReady) return;
  if (conversation === open) {
    renderItem(event);
    markRead();
  }
  renderPeople();
  if (isNew && !isOwn) announce(`${event.from}: ${event.text}`);
};

const receiveVotes = ({ event, post, votes: count, mine }) => {
  if (wanted.get(post) === mine) {
    wanted.delete(post);
    stored.remove(`vote.${me.name}/${post}`);
  }
  votes.set(post, { votes: count, mine, event });
  if (isReady) renderVote(post);
};

const failed = ({ id, reason }) => {
  for (const [conversation, list] of items) {
    const item = list.get(`${me.name}/${id}`);
    if (!item || item.event) continue;
    stored.remove(`outbox.${me.name}/${id}`);
    item.failed = reason;
    if (conversation === open) renderItem(item);
  }
};

// ---- Messages and posts ----

// Each person's pages choose ids, so that two people may choose the same.
const key = (item) => `${item.from}/${item.id}`;

const keep = (conversation, item) => {
  if (!items.has(conversation)) items.set(conversation, new Map());
  const list = items.get(conversation);
  // What is confirmed goes to the end, in the order of events; what is not comes after all others.
  list.delete(key(item));
  list.set(key(item), item);
};

const request = ({ id, to, text }) =>
  to === BOARD ? { type: "post", id, text } : { type: "message", id, to, text };

const write = (text) => {
  const entry = { id: random(), to: open, text, time: Date.now() };
  stored.set(`outbox.${me.name}/${entry.id}`, entry);
  const item = { ...entry, from: me.name, pending: true };
  keep(open, item);
  renderItem(item);
  renderPeople();
  scrollToEnd();
  send(request(entry));
};

const vote = (post) => {
  const { mine } = shownVotes(post);
  wanted.set(post, !mine);
  stored.set(`vote.${me.name}/${post}`, { post, up: !mine });
  renderVote(post, true);
  send({ type: "vote", post, up: !mine });
};

// The votes as they are when the server has confirmed ours.
const shownVotes = (post) => {
  const { votes: count, mine } = votes.get(post) ?? { votes: 0, mine: false };
  const own = wanted.get(post) ?? mine;
  return { count: count + own - mine, mine: own };
};

const random = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

const sorted = (conversation) =>
  [...(items.get(conversation)?.values() ?? [])].sort(
    (a, b) => (a.event ?? Infinity) - (b.event ?? Infinity) || a.time - b.time || 0,
  );

const unread = (conversation) => {
  const last = read.get(conversation) ?? 0;
  let count = 0;
  for (const item of items.get(conversation)?.values() ?? []) {
    if (item.event > last && item.from !== me.name) count++;
  }
  return count;
};

const isSeen = () => !document.hidden && !(isNarrow() && $("app").dataset.view === "list");

const markRead = () => {
  if (!isKnown || !isSeen()) return;
  let last = read.get(open) ?? 0;
  for (const item of items.get(open)?.values() ?? []) last = Math.max(last, item.event ?? 0);
  if (last === read.get(open)) return;
  read.set(open, last);
  stored.set(`read.${me.name}`, [...read]);
  renderPeople();
};

// ---- What is shown ----

// An element with text and children; the text is never parsed.
const element = (name, className, ...children) => {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
};

const icon = (path) => {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
  shape.setAttribute("d", path);
  svg.append(shape);
  return svg;
};

const isNarrow = () => matchMedia("(max-width: 720px)").matches;

const showLogin = (reason = "", name = "") => {
  $("app").hidden = true;
  $("welcome").hidden = false;
  $("login-error").textContent = reason;
  $("name").value = name;
  $("name").focus();
};

const showApp = () => {
  $("welcome").hidden = true;
  $("app").hidden = false;
  $("app").dataset.view ??= isNarrow() ? "list" : "conversation";
  $("own-name").textContent = me.name;
  paintAvatar($("own-avatar"), me.name);
  render();
};

const showConnection = (state, text) => {
  $("connection").dataset.state = state;
  $("connection").textContent = text;
  if (!isKnown) $("login-error").textContent = state === "offline" ? "The server does not answer. Trying again…" : "";
  if (state === "connecting") return;
  const wasHidden = $("offline").hidden;
  $("offline").hidden = state === "online";
  $("offline").textContent = "You are offline. What you write is kept, and sent when you are back.";
  if (wasHidden !== $("offline").hidden) keepEnd();
};

const paintAvatar = (avatar, name) => {
  avatar.className = "avatar";
  if (name === BOARD) {
    avatar.classList.add("board");
    avatar.textContent = "▲";
    return;
  }
  avatar.textContent = Array.from(name)[0].toUpperCase();
  let hue = 0;
  for (const letter of name) hue = (hue * 31 + letter.codePointAt(0)) % 360;
  avatar.style.setProperty("--hue", hue);
};

const render = () => {
  renderPeople();
  renderConversation();
};

const renderPeople = () => {
  // Those who have written last come first, then those who are here.
  const latest = (name) => Math.max(0, ...[...(items.get(name)?.values() ?? [])].map((item) => item.time));
  const names = new Set([...people.keys(), ...items.keys()]);
  names.delete(BOARD);
  names.delete(me.name);
  const order = [...names].map((name) => [name, latest(name)]);
  order.sort(([a, atA], [b, atB]) => atB - atA || (people.get(b) ?? 0) - (people.get(a) ?? 0) || a.localeCompare(b));

  const focused = document.activeElement?.dataset?.conversation;
  $("conversations").replaceChildren(...[BOARD, ...order.map(([name]) => name)].map(renderPerson));
  if (focused !== undefined) {
    [...$("conversations").querySelectorAll("button")].find((b) => b.dataset.conversation === focused)?.focus();
  }
  const total = [...items.keys()].reduce((sum, conversation) => sum + unread(conversation), 0);
  document.title = total ? `(${total}) Chat` : "Chat";
  const elsewhere = total - unread(open);
  $("back").classList.toggle("unread", elsewhere > 0);
  $("back").setAttribute("aria-label", `Back to the conversations${elsewhere ? `, ${elsewhere} unread` : ""}`);
  renderTitle();
};

const renderPerson = (name) => {
  const last = sorted(name).at(-1);
  const count = unread(name);
  const avatar = element("span", "avatar");
  avatar.setAttribute("aria-hidden", "true");
  paintAvatar(avatar, name);
  avatar.classList.toggle("online", people.get(name) === true);
  const preview = last ? `${last.from === me.name ? "You: " : name === BOARD ? `${last.from}: ` : ""}${last.text}` : presence(name);
  const button = element(
    "button", "", avatar,
    element("span", "who", element("span", "name", title(name)), element("span", "preview", preview.slice(0, 120))),
  );
  if (count) {
    const badge = element("span", "badge", count > 99 ? "99+" : String(count));
    badge.setAttribute("aria-label", `${count} unread`);
    button.append(badge);
  }
  button.type = "button";
  button.dataset.conversation = name;
  button.setAttribute("aria-current", name === open);
  button.onclick = () => openConversation(name);
  return element("li", count ? "unread" : "", button);
};

const title = (conversation) => (conversation === BOARD ? "Board" : conversation);

const presence = (name) =>
  name === BOARD ? "Posts for everybody" : people.get(name) ? "Here now" : "Not here";

const openConversation = (name) => {
  open = name;
  $("app").dataset.view = "conversation";
  render();
  markRead();
  if (isNarrow()) $("conversation").focus();
  else $("text").focus();
};

const renderTitle = () => {
  $("title").textContent = title(open);
  $("subtitle").textContent = presence(open);
  paintAvatar($("peer-avatar"), open);
  $("text").placeholder = open === BOARD ? "Post something" : "Write a message";
  $("empty").textContent = open === BOARD ? "No posts yet. Write the first one." : `No messages yet. Say hello to ${open}.`;
};

const renderConversation = () => {
  const list = sorted(open);
  const nodes = [];
  let day = null;
  for (const item of list) {
    const itsDay = dayOf(item);
    if (itsDay !== day) nodes.push(element("li", "day", itsDay));
    day = itsDay;
    nodes.push(node(item));
  }
  $("log").replaceChildren(...nodes);
  scrollToEnd();
  markRead();
};

// Shows a new item of the open conversation, or shows it again after a change.
const renderItem = (item) => {
  const wasAtEnd = isAtEnd();
  const old = [...$("log").children].find((child) => child.dataset.key === key(item));
  const made = node(item);
  // A confirmed item goes before those that wait.
  const waiting = [...$("log").querySelectorAll(".pending")].find((child) => child !== old);
  if (old && !(item.event && old.classList.contains("pending") && waiting && follows(old, waiting))) old.replaceWith(made);
  else {
    old?.remove();
    const shown = sorted(open);
    const previous = shown[shown.findIndex((other) => key(other) === key(item)) - 1];
    if (!previous || dayOf(previous) !== dayOf(item)) return renderConversation();
    if (item.event && waiting) waiting.before(made);
    else $("log").append(made);
  }
  if (wasAtEnd || item.from === me.name) scrollToEnd();
  else if (!old) $("newest").hidden = false;
};

const follows = (a, b) => Boolean(b.compareDocumentPosition(a) & Node.DOCUMENT_POSITION_FOLLOWING);

const node = (item) => (open === BOARD ? postNode(item) : messageNode(item));

const status = (item) =>
  item.failed ? `Not sent. ${item.failed}` : item.event ? clock(item) : navigator.onLine && isReady ? "Sending…" : "Waiting to be sent";

const messageNode = (item) => {
  const isOwn = item.from === me.name;
  const made = element(
    "li", "bubble",
    element("span", "hidden", isOwn ? "You: " : `${item.from}: `),
    element("p", "body", item.text),
    element("p", "meta", status(item)),
  );
  made.classList.toggle("own", isOwn);
  return finish(made, item);
};

const postNode = (item) => {
  const button = element("button", "vote", icon("M12 5l8 11H4z"), element("span", "count"));
  button.type = "button";
  if (item.event) {
    button.dataset.post = item.event;
    button.onclick = () => vote(item.event);
    paintVote(button, item.event);
  } else {
    button.disabled = true;
    button.lastChild.textContent = "0";
    button.setAttribute("aria-label", "Vote, once the post is sent");
  }
  const byline = element("p", "byline", element("span", "name", item.from === me.name ? "You" : item.from), element("span", "meta", status(item)));
  return finish(element("li", "post", button, element("div", "content", byline, element("p", "body", item.text))), item);
};

const finish = (made, item) => {
  made.dataset.key = key(item);
  made.classList.toggle("pending", !item.event && !item.failed);
  made.classList.toggle("failed", Boolean(item.failed));
  return made;
};

const paintVote = (button, post) => {
  const { count, mine } = shownVotes(post);
  button.lastChild.textContent = count;
  button.setAttribute("aria-pressed", mine);
  button.setAttribute("aria-label", `Vote: ${count} so far`);
};

const renderVote = (post, isOwn = false) => {
  const button = $("log").querySelector(`[data-post="${post}"]`);
  if (!button) return;
  const before = button.lastChild.textContent;
  paintVote(button, post);
  if (isOwn || button.lastChild.textContent !== before) {
    button.classList.remove("bump");
    void button.offsetWidth; // restarts the animation
    button.classList.add("bump");
  }
};

const dayOf = ({ time }) => {
  const day = new Date(time).toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long" });
  const today = new Date().toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long" });
  return day === today ? "Today" : day;
};

const clock = ({ time }) => new Date(time).toLocaleTimeString(undefined, { hour: "numeric", minute: "2-digit" });

const announce = (text) => { $("announcer").textContent = text.slice(0, 300); };

const isAtEnd = () => $("scroller").scrollHeight - $("scroller").scrollTop - $("scroller").clientHeight < 80;

const scrollToEnd = () => {
  $("scroller").scrollTop = $("scroller").scrollHeight;
  $("newest").hidden = true;
};

// When the space for the messages changes, the last one stays in sight.
let wasAtEnd = true;
const keepEnd = () => { if (wasAtEnd) scrollToEnd(); };
new ResizeObserver(keepEnd).observe($("scroller"));
$("scroller").addEventListener("scroll", () => {
  wasAtEnd = isAtEnd();
  if (wasAtEnd) $("newest").hidden = true;
});

// ---- What the person does ----

$("login").onsubmit = (event) => {
  event.preventDefault();
  const name = $("name").value.trim();
  if (!name) return;
  me = { name, token: stored.get(`token.${name}`) ?? random() };
  stored.set(`token.${name}`, me.token);
  $("login-error").textContent = "";
  connect();
};

const grow = () => {
  $("text").style.height = "auto";
  $("text").style.height = `${$("text").scrollHeight + 2}px`;
};

$("composer").onsubmit = (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  $("text").value = "";
  grow();
  write(text);
  $("text").focus();
};
$("text").oninput = grow;
$("text").onkeydown = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("composer").requestSubmit();
};
$("back").onclick = () => {
  $("app").dataset.view = "list";
  $("conversations").querySelector("[aria-current=true]")?.focus();
};
$("newest").onclick = scrollToEnd;

if (me) {
  begin(me.name);
  connect();
} else {
  showLogin();
}
