// A data manager's morning, and what must not happen in it. The world (a gateway, its broker, three
// sites, real records, five conflicts) is made by world.py.
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

import {command, endPage, expectAccessible, expectLooks, logIn, newPage, passwordOf, run, shoot, start, stop,
        typeLogIn, until, world} from './support.mjs';

before(start);
after(stop);

const rows = (page) => page.locator('[role=row][aria-rowindex]');
const dialog = (page) => page.locator('[role=dialog]');

const kStudy = 'CDISCPILOT01';
const askSites = () => run('gateway', 'study', 'resolution', kStudy, 'site_endorsed');
function decideAtCentre() {
  const folder = mkdtempSync(join(tmpdir(), 'edcsync-rule-'));
  const rule = join(folder, 'rule.txt');
  writeFileSync(rule, 'The source document decides.\nWithout one, the later reading.');
  run('gateway', 'study', 'resolution', kStudy, 'central', '--rule', rule);
  rmSync(folder, {recursive: true});
}
const idIn = (page) => new URL(page.url()).pathname.split('/').pop();

// The investigator's answer at the site, once the proposal has come there.
async function answer(what, reason) {
  const waiting = () => command('kisumu', 'endorse', 'list').proposals;
  await until('the proposal is at the site', () => waiting().length === 1);
  run('kisumu', 'endorse', what, waiting()[0].proposalId, '--user', 'inv.odhiambo', '--reason', reason);
}

async function chooseAll(page, key) {
  const disputed = await page.locator('tr[data-dispute]').count();
  for (let i = 0; i < disputed; ++i) await page.keyboard.press(key);
}

async function openFirst(page) {
  await page.waitForSelector('[role=row][aria-rowindex="2"]');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.waitForSelector('tr[data-dispute]');
}

test('a data manager decides a conflict by keyboard, signs, and the site has it', async () => {
  const page = await newPage({expected: [401]});
  await logIn(page, 'dm.okello');
  await page.waitForSelector('[role=row][aria-rowindex="2"]');
  await shoot(page, 'queue');
  await openFirst(page);
  await page.waitForSelector('text=Yours until');
  await shoot(page, 'conflict');
  const id = new URL(page.url()).pathname.split('/').pop();
  const conflict = command('gateway', 'conflict', 'show', id);
  const disputed = await page.locator('tr[data-dispute]').count();
  assert.equal(disputed, conflict.dispute.length);
  for (let i = 0; i < disputed; ++i) await page.keyboard.press('2');
  await page.keyboard.press('s');
  await dialog(page).locator('textarea').fill('Read the source document again');
  await dialog(page).locator('input[type=password]').fill('not the password');
  await page.keyboard.press('Enter');
  await page.waitForSelector('text=password is wrong');
  assert.equal(command('gateway', 'conflict', 'show', id).state, 'open');
  await dialog(page).locator('input[type=password]').fill(passwordOf('dm.okello'));
  await shoot(page, 'sign');
  await page.keyboard.press('Enter');
  await page.waitForSelector('text=Decided by Amina Okello');
  await shoot(page, 'decided');

  assert.equal(command('gateway', 'conflict', 'show', id).state, 'resolved');
  const taken = conflict.headRevisions[0];
  await until('the site has the decision', () => {
    const record = command('kisumu', 'record', 'show', conflict.key);
    return record.current.origin === 'resolution';
  });
  const record = command('kisumu', 'record', 'show', conflict.key);
  assert.deepEqual(record.current.itemGroups, taken.itemGroups);
  assert.match(record.current.reasonForChange, /Read the source document again/);
  await endPage(page);
});

test('who opens what somebody else decides sees whose it is and can choose nothing', async () => {
  const first = await newPage();
  await logIn(first, 'dm.okello');
  await openFirst(first);
  await first.waitForSelector('text=Yours until');
  const second = await newPage({expected: [409]});
  await logIn(second, 'dm.wanjiru');
  await second.goto(first.url());
  await second.waitForSelector('tr[data-dispute]');
  await second.waitForSelector('text=is working on this conflict');
  assert.equal(await second.locator('button[aria-pressed]').count(), 0);
  await shoot(second, 'claimed');
  await first.keyboard.press('u');
  await first.waitForSelector('[role=row][aria-rowindex="2"]');
  await second.waitForSelector('text=Yours until');
  await endPage(first);
  await endPage(second);
});

test('a session that ended asks for the password over the page, and what was typed stays', async () => {
  const page = await newPage({expected: [401]});
  await logIn(page, 'dm.okello');
  await openFirst(page);
  await page.waitForSelector('text=Yours until');
  await page.keyboard.press('Shift+Digit2');
  await page.keyboard.press('s');
  await dialog(page).locator('textarea').fill('typed with care');
  await page.evaluate(async () => {
    const session = await (await fetch('/api/v1/session')).json();
    await fetch('/api/v1/session', {method: 'DELETE', headers: {'X-CSRF-Token': session.csrfToken}});
  });
  await dialog(page).locator('input[type=password]').fill(passwordOf('dm.okello'));
  await page.keyboard.press('Enter');
  await page.waitForSelector('text=Your session has ended');
  // On a busy machine the focus comes later than the dialog; what is typed before is lost.
  const password = page.getByRole('dialog', {name: 'Your session has ended'})
    .locator('input[type=password]');
  await page.waitForFunction((input) => input === document.activeElement,
                             await password.elementHandle());
  await shoot(page, 'session-ended');
  await page.keyboard.type(passwordOf('dm.okello'));
  await page.keyboard.press('Enter');
  await page.waitForSelector('text=Your session has ended', {state: 'detached'});
  assert.equal(await dialog(page).locator('textarea').inputValue(), 'typed with care');
  await page.context().close();
});

test('a monitor sees the queue and the values, and is offered no decision', async () => {
  const page = await newPage();
  await logIn(page, 'monitor.weber');
  await page.waitForSelector('[role=row][aria-rowindex="2"]');
  assert.equal(await page.locator('[role=grid] input').count(), 0);
  await openFirst(page);
  await page.waitForSelector('text=but not decide it');
  assert.equal(await page.locator('table button[aria-pressed]').count(), 0);
  await shoot(page, 'monitor');
  await endPage(page);
});

let endorsed;  // The conflict that the next two tests are about, as it was before them.

test('where the site must agree a decision is proposed, rejected there, and proposed again', async () => {
  const page = await newPage({expected: [409]});
  await logIn(page, 'dm.okello');
  await openFirst(page);
  await page.waitForSelector('text=Yours until');
  await page.waitForSelector('text=No agreed rule is recorded');
  endorsed = command('gateway', 'conflict', 'show', idIn(page));
  const {conflictId} = endorsed;

  // The study's mode changes between reading and signing, which the page must not learn before.
  const {version} = await page.evaluate(async () => (await fetch('/api/v1/changes')).json());
  await page.route('**/api/v1/changes', (route) => route.fulfill({json: {version}}));
  await chooseAll(page, '2');
  await page.keyboard.press('s');
  await dialog(page).locator('textarea').fill('The source was read again');
  await dialog(page).locator('input[type=password]').fill(passwordOf('dm.okello'));
  askSites();
  await page.keyboard.press('Enter');
  await page.waitForSelector('text=now asks for its sites’ consent');
  assert.equal(command('gateway', 'conflict', 'show', conflictId).state, 'open');
  await expectLooks(page, 'consent-needed');
  await page.unroute('**/api/v1/changes');
  await page.locator('button:has-text("Understood")').click();

  await page.locator('button:has-text("Propose to the site")').click();
  assert.equal(await dialog(page).locator('textarea').inputValue(), 'The source was read again');
  await dialog(page).locator('input[type=password]').fill(passwordOf('dm.okello'));
  await expectLooks(page, 'consent-propose');
  await dialog(page).locator('input[type=password]').press('Enter');
  await page.waitForSelector('[role=alert]:has-text("Waits for the site")');
  assert.equal(await page.locator('table button[aria-pressed]').count(), 0);
  await expectLooks(page, 'consent-waits');
  await answer('reject', 'The cuff was too small; the online value is right');
  await page.waitForSelector('[role=alert]:has-text("The cuff was too small")');
  assert.match(await page.locator('[role=alert]').innerText(), /inv\.odhiambo at kisumu/);
  assert.equal(command('gateway', 'conflict', 'show', conflictId).state, 'open');
  await expectLooks(page, 'consent-rejected');

  await page.waitForSelector('text=Yours until');
  await page.locator('button:has-text("Propose to the site")').click();
  await dialog(page).locator('textarea').fill('Both were measured; the first one counts');
  await dialog(page).locator('input[type=password]').fill(passwordOf('dm.okello'));
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=alert]:has-text("Waits for the site")');
  await answer('accept', 'Agreed on the telephone');
  await page.waitForSelector('text=The site agreed: inv.odhiambo at kisumu');
  await page.waitForSelector('text=Decided by Amina Okello');
  await expectLooks(page, 'consent-given');
  assert.equal(command('gateway', 'conflict', 'show', conflictId).state, 'resolved');
  await until('the site has what it agreed to', () =>
    command('kisumu', 'record', 'show', endorsed.key).current.origin === 'resolution');
  assert.deepEqual(command('kisumu', 'record', 'show', endorsed.key).current.itemGroups,
    endorsed.headRevisions[0].itemGroups);
  await endPage(page);
});

test('what was decided is opened again, and decided anew by what was decided upon before', async () => {
  const page = await newPage();
  await logIn(page, 'dm.okello', `conflicts/${endorsed.conflictId}`);
  await page.locator('button:has-text("Open again")').click();
  const reopen = dialog(page).locator('button[type=submit]');
  assert.ok(await reopen.isDisabled());
  await dialog(page).locator('textarea').fill('The monitor found another reading');
  await expectLooks(page, 'reopen');
  await reopen.click();
  await page.waitForSelector('text=Opened again by dm.okello');
  await page.waitForSelector('text=Yours until');
  const again = idIn(page);
  assert.notEqual(again, endorsed.conflictId);
  assert.equal(await page.locator('thead :text("decided upon before")').count(), 2);
  assert.equal(await page.locator('button:has-text("Take what only one side changed")').count(), 0);

  decideAtCentre();
  await page.locator('summary:has-text("The rule agreed on")').click();
  await page.waitForSelector('text=Without one, the later reading');
  await chooseAll(page, '4');
  await expectLooks(page, 'reopened');
  await page.keyboard.press('s');
  await dialog(page).locator('textarea').fill('As the monitor found');
  await dialog(page).locator('input[type=password]').fill(passwordOf('dm.okello'));
  await page.keyboard.press('Enter');
  await page.waitForSelector('text=Decided by Amina Okello');
  await shoot(page, 'reopened-decided');
  const taken = endorsed.headRevisions[1].itemGroups;
  await until('the site has the other decision', () => {
    const {current} = command('kisumu', 'record', 'show', endorsed.key);
    return JSON.stringify(current.itemGroups) === JSON.stringify(taken);
  });
  await page.locator('text=What was decided before').click();
  await page.waitForSelector('text=The site agreed');
  assert.equal(idIn(page), endorsed.conflictId);
  await page.waitForSelector('text=Go to the new conflict');
  await expectLooks(page, 'decided-anew');
  await page.locator('text=Go to the new conflict').click();
  await page.waitForSelector('text=As the monitor found');
  assert.equal(idIn(page), again);
  await endPage(page);
});

test('what waits for the site is told apart in the queue, and can be withdrawn', async () => {
  askSites();
  const page = await newPage();
  await logIn(page, 'dm.okello');
  await page.waitForSelector('[role=row][aria-rowindex="2"]');
  await page.keyboard.press('x');
  await page.locator('button:has-text("Decide…")').click();
  await dialog(page).locator('textarea').fill('Agreed with the site');
  await dialog(page).locator('input[type=password]').fill(passwordOf('dm.okello'));
  await page.keyboard.press('Enter');
  await page.waitForSelector('text=1 proposed to the site');
  await expectLooks(page, 'proposed-by-rule');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[role=gridcell]:has-text("waits for the site")');
  await page.goto(`${world.address}?state=all`);
  await page.waitForSelector('[role=gridcell] [aria-label="opened again"]');
  await expectLooks(page, 'queue-waits');
  await page.goto(world.address);
  await page.locator('button:has-text("At the site")').click();
  await until('only that one is shown', async () => await rows(page).count() === 2);
  assert.match(page.url(), /waitsFor=site/);

  await page.locator('[role=row][aria-rowindex="2"] a').click();
  await page.waitForSelector('[role=alert]:has-text("Waits for the site")');
  const chinese = await newPage({locale: 'zh-CN'});
  await logIn(chinese, 'dm.okello', `conflicts/${idIn(page)}`);
  await chinese.waitForSelector('[role=alert]:has-text("等待中心")');
  await expectLooks(chinese, 'consent-waits-chinese');
  await endPage(chinese);
  await page.locator('button:has-text("Withdraw")').click();
  await page.waitForSelector('text=Yours until');
  await page.waitForSelector('text=withdrawn by dm.okello');
  await until('the site has nothing to answer', () =>
    command('kisumu', 'endorse', 'list').proposals.length === 0);
  decideAtCentre();
  await endPage(page);
});

test('one rule decides several conflicts, each on its own', async () => {
  const page = await newPage();
  await logIn(page, 'dm.okello');
  await page.waitForSelector('[role=row][aria-rowindex="2"]');
  const open = command('gateway', 'conflict', 'list').length;
  await page.locator('[role=columnheader] input').check();
  await page.locator('button:has-text("Decide…")').click();
  await page.locator('input[value=site]').check();
  await dialog(page).locator('textarea').fill('Agreed with the site');
  await dialog(page).locator('input[type=password]').fill(passwordOf('dm.okello'));
  await page.keyboard.press('Enter');
  await until('all of them are decided', () => command('gateway', 'conflict', 'list').length === 0);
  await shoot(page, 'bulk');
  const signed = command('gateway', 'conflict', 'list', '--all').filter((one) => one.state === 'resolved');
  assert.ok(signed.length >= open);
  await endPage(page);
});

test('an administrator adds somebody, whose first password is shown once', async () => {
  const page = await newPage();
  await logIn(page, 'admin', 'users');
  await page.waitForSelector('table');
  await page.locator('text=Add a user').click();
  await dialog(page).locator('input').first().fill('rosa');
  await dialog(page).locator('input').nth(1).fill('Rosa Ngũgĩ');
  await dialog(page).locator('select').first().selectOption('monitor');
  await dialog(page).locator('button:has-text("Save")').click();
  await page.waitForSelector('text=I have noted it');
  await shoot(page, 'first-password');
  assert.equal(command('gateway', 'user', 'show', 'rosa').fullName, 'Rosa Ngũgĩ');
  await endPage(page);
});

for (const scheme of ['light', 'dark']) {
  test(`every page is accessible, ${scheme}`, async () => {
    const page = await newPage({scheme, expected: [401]});
    await page.goto(world.address);
    await page.waitForSelector('input[name=username]');
    await expectAccessible(page, 'log in');
    await typeLogIn(page, 'dm.okello');
    await page.waitForSelector('header');
    for (const path of ['?state=all', 'records?study=CDISCPILOT01', 'quarantine', 'audit', 'overview']) {
      await page.goto(world.address + path);
      await page.waitForSelector('h1');
      await page.waitForTimeout(700);
      await shoot(page, `${path.split('?')[0] || 'all'}-${scheme}`);
      await expectAccessible(page, path);
    }
    await page.goto(world.address + '?state=all');
    await openFirst(page);
    await page.waitForTimeout(500);
    await expectAccessible(page, 'conflict');
    await endPage(page);
  });
}

test('on a telephone, in Chinese, nothing is wider than the screen', async () => {
  const page = await newPage({width: 390, height: 844, locale: 'zh-CN'});
  await logIn(page, 'dm.okello', '?state=all');
  await page.waitForTimeout(1000);
  assert.match(await page.locator('header').innerText(), /[\u4e00-\u9fff]/);
  for (const path of ['?state=all', 'records?study=CDISCPILOT01', 'audit', 'overview']) {
    await page.goto(world.address + path);
    await page.waitForSelector('h1');
    await page.waitForTimeout(700);
    await shoot(page, `telephone-${path.split('?')[0] || 'all'}`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    assert.ok(wide <= 0, `${path} is ${wide} pixels too wide`);
  }
  await endPage(page);
});
