// Does with the page of echo_server what a person would do, in a headless Chromium.
//
// usage: chromium.cjs EXECUTABLE URL
//
// Prints what is on the page. WSPROTO_SCREENSHOT names a file for a picture of it, taken before it closes.

const { chromium } = require("playwright-core");

const main = async (executablePath, url) => {
  const browser = await chromium.launch({
    executablePath,
    args: [
      // It runs as root in CI, and on machines without a network.
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  try {
    await chat(await browser.newPage({ viewport: { width: 800, height: 600 } }), url);
  } finally {
    await browser.close();
  }
};

const chat = async (page, url) => {
  const elsewhere = await page.goto(`${url}elsewhere`);
  console.log(`${elsewhere.status()}: ${await elsewhere.text()}`);

  page.on("pageerror", (error) => console.log(`error: ${error}`));
  page.on("console", (message) => {
    // It looks for an icon of its own accord.
    if (!message.location().url.endsWith("/favicon.ico")) console.log(`console: ${message.text()}`);
  });
  await open(page, url);
  await printButtons(page);

  const messages = ["hello", "Grüße, 世界! 👩‍🚀", "<b>not bold</b>"];
  for (const [i, message] of messages.entries()) {
    await page.getByLabel("Message", { exact: true }).fill(message);
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator(".received").nth(i).waitFor();
  }
  for (const item of await page.locator("#log li").all()) {
    console.log(`${await item.getAttribute("class")}: ${await item.textContent()}`);
  }
  await sendLong(page, messages.length);
  const path = process.env.WSPROTO_SCREENSHOT;
  if (path) await page.screenshot({ path });

  await page.getByRole("button", { name: "Close" }).click();
  await printEnd(page);

  await open(page, url);
  // Now the server goes away.
  await printEnd(page);
};

const open = async (page, url) => {
  await page.goto(url);
  await page.locator("#state.open").waitFor();
  await printState(page);
};

const printEnd = async (page) => {
  const note = page.locator(".note");
  await note.waitFor();
  await printState(page);
  await printButtons(page);
  console.log(`note: ${await note.textContent()}`);
};

// So many messages that they do not fit into the window, some of several lines.
const sendLong = async (page, sent) => {
  for (let i = sent; i < 25; i++) {
    await page.getByLabel("Message", { exact: true }).fill(`${i} ` + (i % 3 ? "" : "of several lines ".repeat(30)));
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator(".received").nth(i).waitFor();
  }
  const cut = await page.locator("#log li").evaluateAll((items) => items.filter((item) => item.scrollHeight > item.offsetHeight));
  console.log(`messages: ${await page.locator("#log li").count()}, of which ${cut.length} do not fit into their box`);
};

const printState = async (page) =>
  console.log(`${await page.getByRole("heading").textContent()}: ${await page.getByRole("status").textContent()}`);

const printButtons = async (page) => {
  const names = await page.locator("button:enabled").allTextContents();
  console.log(`buttons: ${names.join(", ") || "none"}`);
};

main(...process.argv.slice(2)).catch((error) => {
  console.error(error);
  process.exit(1);
});
