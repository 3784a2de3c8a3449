// Which page lies at which address, and what stands before the pages: no session, a first password.
import {Button} from '@mantine/core';
import {useEffect, type ReactElement, type ReactNode} from 'react';
import {Link, Navigate, Route, Routes, useLocation} from 'react-router-dom';
import {ChangesProvider} from './common/changes';
import {Empty, Fence, PageHead, Reading} from './common/pieces';
import {ProblemAlert} from './common/problem_alert';
import {ProblemError} from './api/http';
import {AuditPage} from './audit/audit_page';
import {ConflictPage} from './conflict/conflict_page';
import {OverviewPage} from './overview/overview_page';
import {QuarantinePage} from './quarantine/quarantine_page';
import {QuarantinedPage} from './quarantine/quarantined_page';
import {QueuePage} from './queue/queue_page';
import {RecordPage} from './records/record_page';
import {RecordsPage} from './records/records_page';
import {FirstPasswordPage} from './session/change_password';
import {ConfirmedPage} from './session/confirmed_page';
import {IdleWatch} from './session/idle_watch';
import {LogInPage, SessionEnded} from './session/log_in_page';
import {firstPage, mayOpen, type PageName} from './session/permissions';
import {useSession, useSessionState} from './session/session_context';
import {Shell} from './session/shell';
import {useText} from './text/language';
import {UsersPage} from './users/users_page';

export function App() {
  const {state, retry} = useSessionState();
  const text = useText();
  useEffect(() => {
    if (state.kind === 'none') document.title = `${text.session.logIn} – ${text.common.product}`;
  }, [state.kind, text]);
  // The identity provider's window ends here, whoever is logged in.
  if (window.location.pathname === '/confirmed') return <ConfirmedPage />;
  switch (state.kind) {
    case 'unknown':
      return <Reading />;
    case 'failed':
      return <ProblemAlert error={new ProblemError(state.problem)} onRetry={retry} />;
    case 'none':
      return <LogInPage />;
    default:
      if (state.session.mustChangePassword) return <FirstPasswordPage />;
      return (
        <ChangesProvider active={state.kind === 'open'}>
          <Shell>
            <Pages />
          </Shell>
          <IdleWatch />
          <SessionEnded />
        </ChangesProvider>
      );
  }
}

const kRoutes: {path: string; page: PageName; element: ReactElement}[] = [
  {path: '/conflicts/:conflictId', page: 'queue', element: <ConflictPage />},
  {path: '/records', page: 'records', element: <RecordsPage />},
  {path: '/records/:recordKey', page: 'records', element: <RecordPage />},
  {path: '/quarantine', page: 'quarantine', element: <QuarantinePage />},
  {path: '/quarantine/:revisionId', page: 'quarantine', element: <QuarantinedPage />},
  {path: '/audit', page: 'audit', element: <AuditPage />},
  {path: '/overview', page: 'overview', element: <OverviewPage />},
  {path: '/users', page: 'users', element: <UsersPage />},
];

function Pages() {
  const {pathname} = useLocation();
  return (
    <Fence key={pathname}>
      <Routes>
        <Route path="/" element={<Home />} />
        {kRoutes.map(({path, page, element}) => (
          <Route key={path} path={path} element={<Guarded page={page}>{element}</Guarded>} />
        ))}
        <Route path="*" element={<NoSuchPage />} />
      </Routes>
    </Fence>
  );
}

function Home() {
  const session = useSession();
  const text = useText().session;
  const page = firstPage(session);
  if (page === null) return <Empty>{text.nothing}</Empty>;
  return page === 'queue' ? <QueuePage /> : <Navigate to={`/${page}`} replace />;
}

function Guarded({page, children}: {page: PageName; children: ReactNode}) {
  return mayOpen(useSession(), page) ? <>{children}</> : <NoSuchPage />;
}

function NoSuchPage() {
  const text = useText().common;
  return (
    <>
      <PageHead title={text.notFoundTitle} />
      <Empty>
        <p>{text.notFound}</p>
        <Button component={Link} to="/" variant="default">
          {text.toQueue}
        </Button>
      </Empty>
    </>
  );
}
