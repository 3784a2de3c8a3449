// A real browser on the real desk: contexts, logging in, axe, screenshots. What the console says and
// every request to a foreign host is kept and held against the page at the end of each test.
import assert from 'node:assert/strict';
import {mkdirSync, readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';

import {chromium} from 'playwright-core';

import {command, run, world} from './world.mjs';

export {command, run, world};
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const passwords = new Map(Object.entries(world.passwords));
mkdirSync(world.shots, {recursive: true});

let browser;

export async function start() {
  browser = await chromium.launch({executablePath: world.chromium, args: ['--no-sandbox']});
}

export async function stop() {
  await browser?.close();
}

// `expected`: statuses that this test provokes; every other refusal is a failure of the page.
// `provider`: whether the page may lead to the identity provider, the one other site there is.
export async function newPage({width = 1280, height = 800, scheme = 'light', locale = 'en-GB',
                               expected = [], provider = false} = {}) {
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, viewport: {width, height}, colorScheme: scheme, locale,
  });
  const problems = [];
  context.on('page', (page) => watch(page, problems, expected, provider));
  const page = await context.newPage();
  page.problems = problems;
  return page;
}

function watch(page, problems, expected, provider) {
  page.setDefaultTimeout(20_000);
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (message) => {
    const text = message.text();
    // The browser's own words for a refusal, which `response` judges.
    if (message.type() === 'error' && !text.startsWith('Failed to load resource')) {
      problems.push(`console: ${text}`);
    }
  });
  page.on('request', (request) => {
    const url = request.url();
    const known = [world.address, 'blob:', 'data:', 'about:', ...(provider ? [world.provider] : [])];
    if (!known.some((start) => url.startsWith(start))) {
      problems.push(`foreign request: ${url}`);
    }
  });
  page.on('response', (response) => {
    const status = response.status();
    const asksWho = status === 401 && response.url().endsWith('/api/v1/session');
    if (status >= 400 && !asksWho && !expected.includes(status)) {
      problems.push(`${status}: ${response.request().method()} ${response.url()}`);
    }
  });
}

export async function endPage(page) {
  assert.deepEqual(page.problems, []);
  await page.context().close();
}

// Logs in; who still has a first password chooses another, as the page demands.
export async function logIn(page, user, path = '') {
  await page.goto(world.address + path);
  await typeLogIn(page, user);
  await Promise.race([page.waitForSelector('header'), page.waitForSelector('#password-rules')]);
  if (await page.locator('#password-rules').count()) {
    const chosen = `a quiet morning in ${user}`.replace(user, `${user.length} towns`);
    const inputs = page.locator('input[type=password]');
    await inputs.nth(0).fill(passwords.get(user));
    await inputs.nth(1).fill(chosen);
    await inputs.nth(2).fill(chosen);
    await page.keyboard.press('Enter');
    await page.waitForSelector('header');
    passwords.set(user, chosen);
  }
}

export async function typeLogIn(page, user) {
  await page.waitForSelector('input[name=username]');
  await page.locator('input[name=username]').fill(user);
  await page.locator('input[name=password]').fill(passwords.get(user));
  await page.keyboard.press('Enter');
}

export const passwordOf = (user) => passwords.get(user);

// WCAG 2.2 AA; asked through the debugger, which the page's policy does not bind.
export async function expectAccessible(page, name) {
  await page.evaluate(`${axeSource};0`);
  const result = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
  }));
  const found = result.violations.map((violation) =>
    `${name}: ${violation.id} at ${violation.nodes.map((node) => node.target.join(' ')).join(', ')}`);
  assert.deepEqual(found, []);
}

export async function shoot(page, name) {
  await page.screenshot({path: join(world.shots, `${name}.png`)});
}

// One state of a page on a desk's screen and on a telephone's, light and dark; accessible, and not
// wider than the screen.
export async function expectLooks(page, name) {
  for (const [size, width, height] of [['wide', 1280, 800], ['narrow', 390, 844]]) {
    await page.setViewportSize({width, height});
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({colorScheme});
      await page.waitForTimeout(150);
      await shoot(page, `${name}-${size}-${colorScheme}`);
      // Each size and each scheme once.
      if ((size === 'wide') === (colorScheme === 'light')) await expectAccessible(page, `${name}, ${size}`);
    }
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wider <= 0, `${name} is ${wider} pixels too wide`);
  }
  await page.setViewportSize({width: 1280, height: 800});
  await page.emulateMedia({colorScheme: 'light'});
}

export async function until(what, holds) {
  for (let tries = 0; tries < 300; ++tries) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(`waited in vain until ${what}`);
}
