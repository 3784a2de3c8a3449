// The same desk in Firefox, which people use too: Debian's own, driven by WebDriver BiDi. One short
// way through the pages; what they do in detail is tested in Chromium (desk.test.mjs).
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import {after, before, test} from 'node:test';

import puppeteer from 'puppeteer-core';

import {command, world} from './world.mjs';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const kUser = 'dm.mutua';
const kChosen = 'a quiet morning in Kitui town';
const kWaitMs = 30_000;

let browser;
before(async () => {
  browser = await puppeteer.launch({
    browser: 'firefox', executablePath: world.firefox, headless: true, acceptInsecureCerts: true,
  });
});
after(() => browser?.close());

const shoot = (page, name) => page.screenshot({path: join(world.shots, `firefox-${name}.png`)});

async function expectAccessible(page, name) {
  await page.evaluate(`${axeSource};0`);
  const found = await page.evaluate(async () => {
    const {violations} = await window.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
    });
    return violations.map(({id, nodes}) => `${id} at ${nodes.map(({target}) => target).join(', ')}`);
  });
  assert.deepEqual(found, [], name);
}

// Its first sight in Firefox showed heads that hung down into the rows, and a caption meant for screen
// readers in the middle of the queue: neither is a violation that axe knows.
async function expectInPlace(page) {
  const wrong = await page.evaluate(() => {
    const found = [];
    for (const cell of document.querySelectorAll('thead th')) {
      const end = cell.getBoundingClientRect().bottom;
      for (const part of cell.querySelectorAll('*')) {
        if (part.getBoundingClientRect().bottom > end + 1) found.push(`head: ${part.textContent}`);
      }
    }
    for (const caption of document.querySelectorAll('caption')) {
      const {x, y, width, height} = caption.getBoundingClientRect();
      const seen = document.elementFromPoint(x + width / 2, y + height / 2);
      if (width > 1 && caption.contains(seen)) found.push(`caption: ${caption.textContent}`);
    }
    return found;
  });
  assert.deepEqual(wrong, []);
}

async function logIn(page) {
  await page.goto(world.address);
  await (await page.waitForSelector('input[name=username]')).type(kUser);
  await (await page.waitForSelector('input[name=password]')).type(world.passwords[kUser]);
  await page.keyboard.press('Enter');
  await page.waitForSelector('#password-rules');
  const inputs = await page.$$('input[type=password]');
  for (const [at, text] of [world.passwords[kUser], kChosen, kChosen].entries()) {
    await inputs[at].type(text);
  }
  await page.keyboard.press('Enter');
  await page.waitForSelector('header');
}

test('Firefox: a data manager logs in, decides a conflict by keyboard, and signs', async () => {
  const page = await browser.newPage();
  page.setDefaultTimeout(kWaitMs);
  const problems = [];
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const url = request.url();
    const known = [world.address, 'data:', 'blob:', 'about:'];
    if (!known.some((start) => url.startsWith(start))) problems.push(`foreign request: ${url}`);
  });
  await page.setViewport({width: 1280, height: 800});
  await logIn(page);
  await page.waitForSelector('[role=row][aria-rowindex="2"]');
  await shoot(page, 'queue-1280');
  await expectAccessible(page, 'queue');
  await expectInPlace(page);
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForSelector('tr[data-dispute]');
  await page.waitForSelector('::-p-text(Yours until)');
  await shoot(page, 'conflict-1280');
  await expectInPlace(page);
  const id = new URL(page.url()).pathname.split('/').pop();
  const disputed = (await page.$$('tr[data-dispute]')).length;
  assert.equal(disputed, command('gateway', 'conflict', 'show', id).dispute.length);
  for (let i = 0; i < disputed; ++i) await page.keyboard.press('2');
  await page.keyboard.press('s');
  await (await page.waitForSelector('[role=dialog] textarea')).type('Read the source document again');
  await (await page.waitForSelector('[role=dialog] input[type=password]')).type(kChosen);
  await shoot(page, 'sign-1280');
  await page.keyboard.press('Enter');
  await page.waitForSelector('::-p-text(Decided by James Mutua)');
  assert.equal(command('gateway', 'conflict', 'show', id).state, 'resolved');

  await page.setViewport({width: 390, height: 844});
  for (const [name, path] of [['queue', '?state=all'], ['conflict', `conflicts/${id}`]]) {
    await page.goto(world.address + path);
    await page.waitForSelector(name === 'queue' ? '[role=row][aria-rowindex="2"]' : 'tr[data-dispute]');
    await shoot(page, `${name}-390`);
    await expectInPlace(page);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${name} is ${wide} pixels too wide`);
  }
  assert.deepEqual(problems, []);
});
