// The frame around every page: what pages there are, whether the page is up to date, who is logged
// in.
import {Burger, Button, Popover, Stack, Switch, Text} from '@mantine/core';
import {useEffect, useRef, useState, type ReactNode} from 'react';
import {NavLink, useLocation} from 'react-router-dom';
import {useChanges} from '../common/changes';
import {Dialog} from '../common/dialog';
import {Mark, Person} from '../common/icons';
import {setSingleKeys, useSingleKeys} from '../common/keys';
import {useNotice} from '../common/notices';
import {useText} from '../text/language';
import {ChangePasswordForm} from './change_password';
import {mayOpen, pageNames, type PageName} from './permissions';
import {useSession, useSessionState} from './session_context';
import {ColoursSwitch, LanguageSwitch} from './switches';
import classes from './shell.module.css';

const kPaths: Record<PageName, string> = {
  queue: '/',
  records: '/records',
  quarantine: '/quarantine',
  audit: '/audit',
  overview: '/overview',
  users: '/users',
};

export function Shell({children}: {children: ReactNode}) {
  const text = useText();
  const session = useSession();
  const {pathname} = useLocation();
  const [menuOpen, setMenuOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  // A new page begins at its top, and its keys reach it at once.
  useEffect(() => {
    main.current?.focus({preventScroll: true});
    main.current?.scrollTo(0, 0);
  }, [pathname]);
  const pages = pageNames.filter((page) => mayOpen(session, page));
  // A conflict belongs to the queue, so the queue's tab stays marked there.
  const onQueue = pathname === '/' || pathname.startsWith('/conflicts');
  return (
    <>
      <a className={classes.skip} href="#content">
        {text.common.skip}
      </a>
      <header className={classes.header}>
        <span className={classes.brand}>
          <Mark /> <span>{text.common.desk}</span>
        </span>
        <Burger
          className={classes.burger}
          size="sm"
          opened={menuOpen}
          aria-label={text.common.menu}
          aria-expanded={menuOpen}
          onClick={() => setMenuOpen(!menuOpen)}
        />
        <nav
          className={classes.nav}
          data-open={menuOpen || undefined}
          aria-label={text.common.pages}
        >
          {pages.map((page) => (
            <NavLink
              key={page}
              to={kPaths[page]}
              end={page === 'queue'}
              onClick={() => setMenuOpen(false)}
              className={({isActive}) =>
                isActive || (page === 'queue' && onQueue)
                  ? `${classes.link} ${classes.here}`
                  : classes.link!
              }
              aria-current={page === 'queue' && onQueue ? 'page' : undefined}
            >
              {text[page].title}
            </NavLink>
          ))}
        </nav>
        <span className={classes.grow} />
        <Liveness />
        <AccountMenu />
      </header>
      <main id="content" ref={main} className={classes.main} tabIndex={-1}>
        <div className={classes.inner}>{children}</div>
      </main>
    </>
  );
}

function Liveness() {
  const text = useText().common;
  const {connected} = useChanges();
  return (
    <span className={classes.live} data-off={!connected || undefined} role="status">
      <span className={classes.lamp} aria-hidden />
      <span className={connected ? 'visually-hidden' : undefined}>
        {connected ? text.live : text.notLive}
      </span>
    </span>
  );
}

function AccountMenu() {
  const text = useText();
  const session = useSession();
  const {logOut, opened} = useSessionState();
  const tell = useNotice();
  const keys = useSingleKeys();
  const [changing, setChanging] = useState(false);
  const [open, setOpen] = useState(false);
  return (
    <>
      <Popover
        opened={open}
        onChange={setOpen}
        position="bottom-end"
        width={270}
        trapFocus
        withRoles={false}
        transitionProps={{duration: 0}}
      >
        <Popover.Target>
          <Button
            variant="subtle"
            leftSection={<Person />}
            aria-expanded={open}
            aria-haspopup="dialog"
            className={classes.account}
            onClick={() => setOpen(!open)}
          >
            <span className={classes.name}>{session.fullName}</span>
            <span className="visually-hidden">, {text.session.account}</span>
          </Button>
        </Popover.Target>
        <Popover.Dropdown role="dialog" aria-label={text.session.account}>
          <Stack gap="sm">
            <div>
              <Text size="sm" fw={600}>
                {session.fullName}
              </Text>
              <Text size="xs" c="dimmed">
                {session.user}
                {[...new Set(session.rights.map((right) => right.role))].map(
                  (role) => ` · ${text.session.roles[role]}`,
                )}
              </Text>
            </div>
            <LanguageSwitch />
            <ColoursSwitch />
            <Switch
              size="xs"
              label={text.common.keysSwitch}
              description={text.common.keysSwitchHint}
              checked={keys}
              onChange={(event) => setSingleKeys(event.currentTarget.checked)}
            />
            {session.method === 'password' && (
              <Button
                variant="default"
                onClick={() => {
                  setOpen(false);
                  setChanging(true);
                }}
              >
                {text.session.changePassword}
              </Button>
            )}
            <Button variant="default" onClick={() => void logOut()}>
              {text.session.logOut}
            </Button>
          </Stack>
        </Popover.Dropdown>
      </Popover>
      <Dialog
        opened={changing}
        onClose={() => setChanging(false)}
        title={text.session.changePassword}
      >
        <ChangePasswordForm
          onChanged={(next) => {
            opened(next);
            setChanging(false);
            tell(text.session.changed);
          }}
        />
      </Dialog>
    </>
  );
}
