// The queue's page with a hundred thousand open conflicts (long_queue.py): it scrolls, filters and
// sorts, and holds no more rows than the screen shows. How long the gateway took, and how much memory
// both ends held, is printed and not judged.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {after, before, test} from 'node:test';

import {endPage, logIn, newPage, shoot, start, stop, until, world} from './support.mjs';

before(start);
after(stop);

const kRowsMax = 120;  // In the document, whatever is read; a screen shows some thirty.
const grid = (page) => page.locator('[role=grid]');
const rowCount = async (page) => Number(await grid(page).getAttribute('aria-rowcount')) - 1;
const rowsHeld = (page) => page.locator('[role=row][aria-rowindex]').count();

// Milliseconds from request to first byte of each answer about the queue, by what was asked.
function timed(page) {
  const times = new Map();
  page.on('requestfinished', (request) => {
    const url = new URL(request.url());
    if (!url.pathname.startsWith('/api/v1/conflicts')) return;
    url.searchParams.delete('cursor');
    const {requestStart, responseStart} = request.timing();
    const name = `${url.pathname.replace('/api/v1', '')}${decodeURIComponent(url.search)}`;
    times.set(name, [...(times.get(name) ?? []), responseStart - requestStart]);
  });
  return times;
}

const gatewayMemoryMiB = () =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${world.gatewayPid}/status`, 'utf8'))[1]) / 1024;
const pageMemoryMiB = async (page) =>
  (await page.evaluate(() => performance.memory.usedJSHeapSize)) / 1024 / 1024;

async function totalOf(page, query) {
  return page.evaluate(async (asked) =>
    (await (await fetch(`/api/v1/conflicts?limit=1&${asked}`)).json()).total, query);
}

// Waits until the page shows what `query` asks for, and returns how many that is.
async function shows(page, query) {
  const total = await totalOf(page, query);
  await until(`the page shows the ${total} of ${query}`, async () => (await rowCount(page)) === total);
  return total;
}

test('a hundred thousand open conflicts are scrolled, filtered and sorted', async (t) => {
  const page = await newPage();
  const times = timed(page);
  await logIn(page, 'dm.okello');
  await page.waitForSelector('[role=row][aria-rowindex="2"]');
  assert.equal(await rowCount(page), world.conflicts);
  const heapBefore = await pageMemoryMiB(page);
  await shoot(page, 'long-queue');

  let read = 0;
  for (let i = 0; i < 20; ++i) {
    await grid(page).evaluate((box) => box.scrollTo(0, box.scrollHeight));
    await until('further rows are read', async () => {
      const last = await page.locator('[role=row][aria-rowindex]').last().getAttribute('aria-rowindex');
      const more = Number(last) > read;
      read = Math.max(read, Number(last));
      return more;
    });
    assert.ok((await rowsHeld(page)) <= kRowsMax);
  }
  assert.ok(read > 1000, `${read} rows were read`);
  await shoot(page, 'long-queue-scrolled');

  await page.goto(`${world.address}?severity=hard`);
  assert.ok((await shows(page, 'severity=hard')) < world.conflicts);
  await page.goto(world.address);
  await shows(page, '');
  await page.locator('input[type=search], input[placeholder^="Search"]').first().fill('week_2 site.7');
  const found = await shows(page, 'q=week_2%20site.7');
  assert.ok(found > 0 && found < world.conflicts / 10);
  const first = await page.locator('[role=row][aria-rowindex="2"]').innerText();
  assert.match(first, /WEEK_2|Week 2/i);
  await shoot(page, 'long-queue-searched');

  for (const sort of ['subject', '-subject', 'openedAt', '-due', 'assignee']) {
    await page.goto(`${world.address}?sort=${sort}`);
    await shows(page, '');
    const [expected] = await page.evaluate(async (by) =>
      (await (await fetch(`/api/v1/conflicts?limit=1&sort=${by}`)).json()).conflicts, sort);
    const shown = page.locator('[role=row][aria-rowindex="2"]');
    await until(`the first row is the first by ${sort}`, async () =>
      (await shown.getAttribute('id')) === `conflict-${expected.conflictId}`);
  }
  await shoot(page, 'long-queue-sorted');
  await page.setViewportSize({width: 390, height: 844});
  await page.goto(world.address);
  await shows(page, '');
  await shoot(page, 'telephone-long-queue');
  assert.ok((await rowsHeld(page)) <= kRowsMax);

  for (const [asked, took] of [...times].sort()) {
    took.sort((a, b) => a - b);
    t.diagnostic(`${asked}: ${took.length} times, median ${took[took.length >> 1].toFixed(0)} ms, ` +
                 `slowest ${took.at(-1).toFixed(0)} ms`);
  }
  t.diagnostic(`page ${heapBefore.toFixed(0)} MiB at first, ${(await pageMemoryMiB(page)).toFixed(0)} ` +
               `MiB at the end; gateway ${gatewayMemoryMiB().toFixed(0)} MiB`);
  await endPage(page);
});
