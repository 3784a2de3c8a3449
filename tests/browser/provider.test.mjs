// A data manager whose password only the identity provider knows: logs in there, comes back, decides
// and signs. The provider is another site, with a page of its own (tests/support/identity_provider.h).
import assert from 'node:assert/strict';
import {after, before, test} from 'node:test';

import {command, endPage, expectAccessible, newPage, shoot, start, stop, until, world} from './support.mjs';

before(start);
after(stop);

const dialog = (page) => page.locator('[role=dialog]');

async function logInThere(page, name) {
  await page.waitForSelector('input[name=name]');
  await page.locator('input[name=name]').fill(name);
  await page.locator('input[name=password]').fill(world.passwordThere);
  await page.keyboard.press('Enter');
}

async function openedBy(page, act) {
  const opening = page.context().waitForEvent('page');
  await act();
  return opening;
}

async function logIn(page, path = '') {
  await page.goto(world.address + path);
  await page.locator('text=Log in with St. Mary SSO').click();
  await logInThere(page, 'p.wafula');
  await page.waitForSelector('header');
}

test('who logs in by the provider comes back to the page they wanted, decides and signs', async () => {
  const page = await newPage({provider: true});
  const id = command('gateway', 'conflict', 'list')[0].conflictId;
  await page.goto(`${world.address}conflicts/${id}`);
  await page.waitForSelector('text=Log in with St. Mary SSO');
  await shoot(page, 'provider-log-in');
  await expectAccessible(page, 'log in by the provider');
  await page.locator('text=Log in with St. Mary SSO').click();
  await logInThere(page, 'p.wafula');
  await page.waitForSelector('text=Yours until');
  assert.equal(page.url(), `${world.address}conflicts/${id}`);
  const [session] = (await page.context().cookies()).filter(({name}) => name === '__Host-edcsync_session');
  assert.deepEqual([session.sameSite, session.httpOnly, session.secure], ['Strict', true, true]);

  const disputed = await page.locator('tr[data-dispute]').count();
  for (let i = 0; i < disputed; ++i) await page.keyboard.press('2');
  await page.keyboard.press('s');
  await dialog(page).locator('textarea').fill('Read the source document again');
  assert.equal(await dialog(page).locator('input[type=password]').count(), 0);
  assert.ok(await dialog(page).locator('button[type=submit]').isDisabled());
  const sso = await openedBy(page, () => dialog(page).locator('text=Confirm with St. Mary SSO').click());
  await sso.waitForSelector('input[name=name]');
  await shoot(page, 'provider-confirm');
  const closed = sso.waitForEvent('close');
  await logInThere(sso, 'p.wafula');
  await closed;
  await page.waitForSelector('text=has confirmed that it is you');
  assert.equal(await dialog(page).locator('textarea').inputValue(), 'Read the source document again');
  await expectAccessible(page, 'confirmed by the provider');
  await shoot(page, 'provider-confirmed');
  await dialog(page).locator('button[type=submit]').click();
  await page.waitForSelector('text=Decided by Peter Wafula');
  assert.equal(command('gateway', 'conflict', 'show', id).state, 'resolved');
  await endPage(page);
});

test('somebody else at the provider confirms nothing, and nothing typed is lost', async () => {
  const page = await newPage({provider: true});
  const id = command('gateway', 'conflict', 'list')[0].conflictId;
  await logIn(page, `conflicts/${id}`);
  await page.waitForSelector('text=Yours until');
  await page.keyboard.press('Shift+Digit2');
  await page.keyboard.press('s');
  await dialog(page).locator('textarea').fill('typed with care');
  const sso = await openedBy(page, () => dialog(page).locator('text=Confirm with St. Mary SSO').click());
  await logInThere(sso, 'stranger');
  await sso.waitForSelector('text=Somebody else logged in there');
  await expectAccessible(sso, 'not confirmed');
  await shoot(sso, 'provider-other-person');
  await sso.close();
  await page.waitForSelector('text=Somebody else logged in there');
  assert.ok(await dialog(page).locator('button[type=submit]').isDisabled());
  assert.equal(await dialog(page).locator('textarea').inputValue(), 'typed with care');
  assert.equal(command('gateway', 'conflict', 'show', id).state, 'open');
  await dialog(page).locator('text=Cancel').click();
  await page.keyboard.press('u');
  await page.waitForSelector('[role=row][aria-rowindex="2"]');
  await until('the claim is given back', async () =>
    page.evaluate(async (conflict) => {
      const answer = await fetch(`/api/v1/conflicts/${conflict}`);
      return (await answer.json()).claim === null;
    }, id));
  await endPage(page);
});

test('a session that ended goes on after a log-in in a window', async () => {
  const page = await newPage({provider: true, expected: [401]});
  await logIn(page, 'records?study=CDISCPILOT01');
  await page.waitForSelector('h1');
  const address = page.url();
  await page.evaluate(async () => {
    const session = await (await fetch('/api/v1/session')).json();
    await fetch('/api/v1/session', {method: 'DELETE', headers: {'X-CSRF-Token': session.csrfToken}});
  });
  await page.waitForSelector('text=Your session has ended');
  const sso = await openedBy(page, () => dialog(page).locator('text=Log in with St. Mary SSO').click());
  await page.waitForSelector('text=Your session has ended', {state: 'detached'});
  assert.ok(sso.isClosed() || sso.url().endsWith('/confirmed'));
  assert.equal(page.url(), address);
  await endPage(page);
});

test('who has no account here is told so, and who logs out hears of the provider', async () => {
  const page = await newPage({provider: true});
  await page.goto(world.address);
  await page.locator('text=Log in with St. Mary SSO').click();
  await logInThere(page, 'stranger');
  await page.waitForSelector('text=No account here is yours');
  assert.equal(page.url(), world.address);
  await expectAccessible(page, 'no account');
  await shoot(page, 'provider-no-account');
  await page.context().clearCookies();
  await logIn(page);
  await page.locator('header button[aria-haspopup=dialog]').click();
  await page.locator('button:has-text("Log out")').click();
  await page.waitForSelector('text=but perhaps not at St. Mary SSO');
  await shoot(page, 'provider-logged-out');
  await page.locator('text=Log out at St. Mary SSO too').click();
  await page.waitForSelector('text=You are logged out.');
  await endPage(page);
});

test('on a telephone, in Chinese and dark, the log-in fits', async () => {
  const page = await newPage({width: 390, height: 844, locale: 'zh-CN', scheme: 'dark'});
  await page.goto(world.address);
  await page.waitForSelector('text=使用 St. Mary SSO 登录');
  await expectAccessible(page, 'log in, dark');
  await shoot(page, 'telephone-provider-log-in');
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(wide <= 0, `${wide} pixels too wide`);
  await endPage(page);
});
