// One revision in quarantine with its values.
import {Button, Group, Text} from '@mantine/core';
import {useQuery, useQueryClient} from '@tanstack/react-query';
import {useState} from 'react';
import {Link, useParams} from 'react-router-dom';
import {showQuarantined} from '../api/calls';
import {Empty, PageHead, Reading} from '../common/pieces';
import {ProblemAlert} from '../common/problem_alert';
import {Timeline} from '../common/timeline';
import {ValueTable} from '../common/value_table';
import {mayDecideSomewhere} from '../session/permissions';
import {useSession} from '../session/session_context';
import {useLanguage} from '../text/language';
import {DecideDialog} from './decide_dialog';
import {quarantineName, quarantineReason} from './names';
import {QuarantineState} from './quarantine_page';
import common from '../common/common.module.css';

export function QuarantinedPage() {
  const {text, language} = useLanguage();
  const words = text.quarantine;
  const session = useSession();
  const {revisionId = ''} = useParams();
  const queries = useQueryClient();
  const [decision, setDecision] = useState<'release' | 'reject' | null>(null);
  const {
    data: one,
    error,
    refetch,
  } = useQuery({
    queryKey: ['quarantined', revisionId, language],
    queryFn: () => showQuarantined(revisionId),
    meta: {live: true},
  });
  if (!one)
    return error ? <ProblemAlert error={error} onRetry={() => void refetch()} /> : <Reading />;
  const close = (done: boolean) => {
    setDecision(null);
    if (done)
      void queries.invalidateQueries({
        predicate: ({queryKey}) => String(queryKey[0]).startsWith('quarantine'),
      });
  };
  const groups = one.groups ?? [];
  return (
    <>
      <Link to="/quarantine">← {words.title}</Link>
      <PageHead title={quarantineName(one, text)}>
        <QuarantineState row={one} />
      </PageHead>
      <Text size="sm">
        <b>{words.why}:</b> {quarantineReason(one, text)}.{' '}
        <span className={common.dim}>{one.detail}</span>
      </Text>
      {one.held && <Text size="sm">{words.heldHint}</Text>}
      {one.decisionReason && (
        <Text size="sm">
          <b>{text.common.reason}:</b> {one.decisionReason}
        </Text>
      )}
      {one.state === 'waiting' && mayDecideSomewhere(session) && (
        <Group gap="sm" my="sm">
          <Button variant="default" onClick={() => setDecision('release')}>
            {words.release}
          </Button>
          <Button variant="default" onClick={() => setDecision('reject')}>
            {words.reject}
          </Button>
          {one.key && (
            <Link to={`/records/${encodeURIComponent(one.key)}`}>{text.audit.toRecord}</Link>
          )}
        </Group>
      )}
      {one.revision && <Timeline revisions={[one.revision]} />}
      <div className={common.paper}>
        {groups.length === 0 ? (
          <Empty>{words.noValues}</Empty>
        ) : (
          <ValueTable
            label={words.values}
            groups={groups}
            columns={[{revisionId, title: words.values}]}
          />
        )}
      </div>
      {decision && <DecideDialog decision={decision} revisions={[one]} onClose={close} />}
    </>
  );
}
