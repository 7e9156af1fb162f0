// browser.mjs -- Debian's Chromium, driven by playwright-core: a new profile each time, sound played for real.

import { chromium } from 'playwright-core';
import { PATIENCE_MS } from './server.mjs';

const flags = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // Sound starts by a person's click only, as on their machine.
  '--autoplay-policy=document-user-activation-required',
];

export async function startBrowser() {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: flags, headless: true });
}

/** A page of a person of its own; `problems` collects what the page complained of. */
export async function openPage(browser, origin, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  page.problems = [];
  page.on('pageerror', (error) => page.problems.push(`${error}`));
  page.on('console', (message) => {
    // Answers that a test provokes are logged by the browser itself.
    if (message.type() === 'error' && !/status of (401|403|404|409|503)/.test(message.text()))
      page.problems.push(message.text());
  });
  page.setDefaultTimeout(PATIENCE_MS);
  if (origin) await page.goto(origin);
  return page;
}

/** By data-testid; what only another width shows does not count. */
export const id = (page, name) => page.getByTestId(name).filter({ visible: true });

export async function signIn(page, origin, name = 'ana', password = 'correct horse battery') {
  await page.goto(origin);
  await id(page, 'name').fill(name);
  await id(page, 'password').fill(password);
  await id(page, 'submit').click();
  await id(page, 'album').first().waitFor();
}

/** What the page says of its player (web/README.md). */
export const probe = (page) =>
  page.evaluate(() => {
    const { currentTime, trackId, isPlaying, isActive, decodedBytes, gateway, unanswered } = window.musicstreamPlayer;
    return { currentTime, trackId, isPlaying, isActive, decodedBytes, gateway, unanswered };
  });

/** Waits until `condition(await probe(page))` holds. */
export async function untilPlayer(page, condition, what, limitMs = PATIENCE_MS) {
  const end = Date.now() + limitMs;
  for (;;) {
    const state = await probe(page);
    if (condition(state)) return state;
    if (Date.now() > end) throw new Error(`${what}: ${JSON.stringify(state)}`);
    await new Promise((next) => setTimeout(next, 20));
  }
}
