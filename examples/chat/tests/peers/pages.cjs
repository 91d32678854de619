// Three people use the chat in a headless Chromium; each has a browser context of its own.
//
// usage: pages.cjs EXECUTABLE COMMAND...
//
// Starts the server by COMMAND, and again after it has stopped it or killed it. Prints a line for each thing that was
// seen, and fails at the first that was not. WSPROTO_SCREENSHOTS names a directory for screenshots.

const assert = require("node:assert/strict");
const { spawn } = require("node:child_process");
const path = require("node:path");
const readline = require("node:readline");
const { chromium } = require("playwright-core");

const screenshots = process.env.WSPROTO_SCREENSHOTS;

class Server {
  constructor(command) {
    this.command = command;
    this.listen = "127.0.0.1:0";
  }

  async start() {
    const [program, ...args] = this.command;
    this.child = spawn(program, [...args, "--listen", this.listen], { stdio: ["ignore", "pipe", "inherit"] });
    this.ended = new Promise((resolve) => this.child.on("exit", (code, signal) => resolve(code ?? signal)));
    const [line] = await require("node:events").once(readline.createInterface(this.child.stdout), "line");
    this.url = line.match(/http:\S+/)[0];
    this.listen = new URL(this.url).host; // the same port after a restart
  }

  async stop(signal) {
    this.child.kill(signal);
    return this.ended;
  }
}

const errors = [];

const visit = async (browser, server, name, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await load(context, server, name);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Start to chat" }).click();
  await online(page);
  return page;
};

const load = async (context, server, name) => {
  const page = await context.newPage();
  page.setDefaultTimeout(90000); // several times the longest pause between two attempts to connect
  page.on("pageerror", (error) => errors.push(`${name}: ${error}`));
  page.on("console", (message) => {
    // While the server is away, each attempt to connect is reported.
    if (message.type() === "error" && !/ERR_|WebSocket/.test(message.text())) errors.push(`${name}: ${message.text()}`);
  });
  await page.goto(server.url);
  return page;
};

const online = (page) => page.locator("#connection[data-state=online]").waitFor({ state: "attached" });
const offline = (page) => page.locator("#connection[data-state=offline]").waitFor({ state: "attached" });

const choose = (page, name) => page.locator("#conversations button").filter({ has: page.locator(".name", { hasText: new RegExp(`^${name}$`) }) }).click();

const write = async (page, text) => {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
};

const confirmed = (page, text) => page.locator("#log li:not(.pending)", { hasText: text }).waitFor();
const texts = (page) => page.locator("#log .body").allTextContents();
const unread = (page, name) => page.locator("#conversations li", { has: page.locator(".name", { hasText: new RegExp(`^${name}$`) }) }).locator(".badge");

const voteButton = (page, text) => page.locator(".post", { hasText: text }).locator(".vote");
const votes = async (page, text, count, mine) => {
  await page.locator(`.post:has-text("${text}") .vote[aria-pressed=${mine}]`, { hasText: new RegExp(`^${count}$`) }).waitFor();
};

const main = async (executablePath, ...command) => {
  const server = new Server(command);
  await server.start();
  const browser = await chromium.launch({
    executablePath,
    args: [
      // CI runs it as root, and on machines without a network.
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync",
    ],
  });
  try {
    await story(browser, server);
    assert.deepEqual(errors, []);
    console.log("no page has reported an error");
  } finally {
    await browser.close();
    server.child.kill("SIGKILL");
  }
};

const story = async (browser, server) => {
  let anna = await visit(browser, server, "Anna");
  const bela = await visit(browser, server, "Béla 世界");
  const cleo = await visit(browser, server, "Cleo");
  console.log("three people are here");

  // Messages reach the right page only.
  await choose(anna, "Béla 世界");
  await write(anna, "only for Béla");
  await confirmed(anna, "only for Béla");
  await unread(bela, "Anna").filter({ hasText: /^1$/ }).waitFor();
  await choose(bela, "Anna");
  await confirmed(bela, "only for Béla");
  assert.equal(await unread(bela, "Anna").count(), 0);
  await write(bela, "<img src=x onerror=alert(1)> & answer");
  await confirmed(anna, "<img src=x onerror=alert(1)> & answer");
  assert.equal(await anna.locator("#log img").count(), 0);
  await choose(cleo, "Anna");
  assert.deepEqual(await texts(cleo), []);
  assert.equal((await cleo.locator("body").textContent()).includes("only for"), false);
  console.log("a message reaches its two people, as text, and nobody else");

  // A name belongs to who was first.
  const thief = await (await browser.newContext()).newPage();
  await thief.goto(server.url);
  await thief.getByLabel("Your name").fill("anna");
  await thief.getByRole("button", { name: "Start to chat" }).click();
  await thief.getByText("Somebody else has this name.").waitFor();
  await thief.context().close();
  console.log("nobody else gets the name");

  // Votes agree everywhere, and toggle.
  for (const page of [anna, bela, cleo]) await choose(page, "Board");
  await write(anna, "a post to vote for");
  for (const page of [anna, bela, cleo]) await confirmed(page, "a post to vote for");
  await Promise.all([anna, bela, cleo].map((page) => voteButton(page, "a post").click()));
  for (const page of [anna, bela, cleo]) await votes(page, "a post", 3, true);
  await voteButton(bela, "a post").click();
  await votes(anna, "a post", 2, true);
  await votes(bela, "a post", 2, false);
  await votes(cleo, "a post", 2, true);
  console.log("three pages agree on the votes");

  // A page that loses its connection catches up, and sends what was written meanwhile, once.
  await cleo.context().setOffline(true);
  await offline(cleo);
  await write(anna, "while Cleo is away");
  await voteButton(anna, "a post").click();
  await votes(bela, "a post", 1, false);
  await write(cleo, "written offline");
  await cleo.locator("#log .pending", { hasText: "written offline" }).waitFor();
  await voteButton(cleo, "a post").click();
  await votes(cleo, "a post", 1, false);
  assert.equal(await bela.getByText("written offline").count(), 0);
  await cleo.context().setOffline(false);
  await online(cleo);
  for (const page of [anna, bela, cleo]) {
    await confirmed(page, "written offline");
    await votes(page, "a post", 0, false);
    assert.deepEqual(await texts(page), ["a post to vote for", "while Cleo is away", "written offline"]);
  }
  console.log("a page that was offline catches up, and sends what it kept");

  // The server stops, and is killed: nothing is lost, and nothing is stored twice.
  for (const [signal, ending] of [["SIGTERM", 0], ["SIGKILL", "SIGKILL"]]) {
    await voteButton(bela, "a post").click();
    await votes(anna, "a post", signal === "SIGTERM" ? 1 : 0, false);
    await write(anna, `before ${signal}`);
    await confirmed(bela, `before ${signal}`);
    assert.equal(await server.stop(signal), ending);
    for (const page of [anna, bela, cleo]) await offline(page);
    await write(anna, `after ${signal}`);
    await voteButton(cleo, `before ${signal}`).click();
    await anna.close(); // what she wrote is kept by her browser
    await server.start();
    anna = await load(anna.context(), server, "Anna");
    for (const page of [anna, bela, cleo]) {
      await online(page);
      await confirmed(page, `after ${signal}`);
      await votes(page, `before ${signal}`, 1, page === cleo);
      await votes(page, "a post", signal === "SIGTERM" ? 1 : 0, page === bela && signal === "SIGTERM");
      assert.equal((await texts(page)).filter((text) => text === `after ${signal}`).length, 1);
    }
    console.log(`a restart after ${signal} loses nothing`);
  }
  await choose(anna, "Béla 世界");
  assert.deepEqual(await texts(anna), ["only for Béla", "<img src=x onerror=alert(1)> & answer"]);

  await layout(browser, server, anna, bela);
};

// Fifty long messages, and a name as long as allowed, on a phone and on a desk, in light and in dark.
const layout = async (browser, server, anna, bela) => {
  const longName = "Wolfeschlegelsteinhausenbergerdorff-Anne";
  const words = "The meeting moves to Thursday, as half of us are on a train then, and the other half would like to be. ";
  const long = await visit(browser, server, longName);
  await choose(anna, longName);
  await choose(long, "Anna");
  for (let i = 0; i < 50; i++) {
    const text = `${i + 1}. ` + (i % 7 === 3 ? "https://example.com/" + "a-very-long-path/".repeat(14) : words.repeat(1 + (i % 4)));
    const [from, to] = i % 3 ? [anna, long] : [long, anna];
    await write(from, text);
    await confirmed(to, text.trim().slice(0, 40));
  }
  await choose(bela, "Board");
  await write(bela, words.repeat(3));
  await confirmed(bela, words.trim());
  await voteButton(bela, "The meeting").click();
  await long.locator("#conversations").waitFor();

  for (const scheme of ["light", "dark"]) {
    for (const [device, viewport] of [["phone", { width: 390, height: 844 }], ["desktop", { width: 1280, height: 800 }]]) {
      await anna.emulateMedia({ colorScheme: scheme });
      await anna.setViewportSize(viewport);
      for (const [view, show] of [
        ["chat", () => open(anna, longName)],
        ["board", () => open(anna, "Board")],
        ["list", () => device === "phone" ? anna.getByRole("button", { name: "Back" }).click() : null],
      ]) {
        await show();
        await anna.waitForTimeout(100);
        await check(anna, `${device} ${view}`);
        if (screenshots) await anna.screenshot({ path: path.join(screenshots, `${device}-${scheme}-${view}.png`) });
      }
    }
  }
  if (screenshots) {
    const newcomer = await (await browser.newContext({ viewport: { width: 390, height: 844 } })).newPage();
    await newcomer.goto(server.url);
    await newcomer.screenshot({ path: path.join(screenshots, "phone-light-welcome.png") });
    await bela.context().setOffline(true);
    await write(bela, "I am on a train, in a tunnel.");
    await bela.screenshot({ path: path.join(screenshots, "desktop-light-offline.png") });
  }
  console.log("fifty long messages and a long name fit, on a phone and on a desk");
};

const open = async (page, name) => {
  const back = page.getByRole("button", { name: "Back" });
  if (await back.isVisible()) await back.click();
  await choose(page, name);
};

// Nothing is wider than the window, no bubble cuts its text, and what one types is in sight.
const check = async (page, where) => {
  let wrong;
  // On a slow machine, the layout may not be finished.
  for (let i = 0; i < 50; i++) {
    wrong = await faults(page);
    if (wrong.length === 0) return;
    await page.waitForTimeout(100);
  }
  assert.fail(`${where}: ${wrong.join(", ")}`);
};

const faults = (page) => page.evaluate(() => {
  const found = [];
  const shown = (element) => element.checkVisibility();
  if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
  for (const item of document.querySelectorAll("#log li, #app header")) {
    if (shown(item) && item.scrollWidth > item.clientWidth + 1) found.push(`too wide: ${item.textContent.slice(0, 30)}`);
  }
  const composer = document.querySelector("#composer");
  if (shown(composer) && composer.getBoundingClientRect().bottom > innerHeight + 1) found.push("the composer is out of sight");
  const scroller = document.querySelector("#scroller");
  if (shown(scroller) && scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight > 2) found.push("the last message is out of sight");
  return found;
});

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
