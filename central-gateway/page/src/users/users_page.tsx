// The accounts, for administrators.
import {Alert, Button, Code, CopyButton, Group, Stack, Text} from '@mantine/core';
import {useMutation, useQuery, useQueryClient} from '@tanstack/react-query';
import {useState} from 'react';
import {listUsers, resetPassword} from '../api/calls';
import type {Answer, User} from '../api/types';
import {useNow} from '../common/changes';
import {Dialog} from '../common/dialog';
import {formatAgo, formatTime} from '../common/format';
import {Empty, PageHead, Reading, Tag} from '../common/pieces';
import {ProblemAlert} from '../common/problem_alert';
import {useText} from '../text/language';
import {rightWords} from './rights';
import {UserDialog} from './user_dialog';
import common from '../common/common.module.css';

type FirstPassword = Answer<'addUser'>;

export function UsersPage() {
  const text = useText();
  const words = text.users;
  const queries = useQueryClient();
  const [editing, setEditing] = useState<User | 'new' | null>(null);
  const [resetting, setResetting] = useState<User | null>(null);
  const [first, setFirst] = useState<FirstPassword | null>(null);
  const {data, error, refetch} = useQuery({
    queryKey: ['users', 'all'],
    queryFn: listUsers,
    meta: {live: true},
  });
  const renew = () => void queries.invalidateQueries({queryKey: ['users']});
  return (
    <>
      <PageHead title={words.title}>
        <Button onClick={() => setEditing('new')}>{words.add}</Button>
      </PageHead>
      {error && <ProblemAlert error={error} onRetry={() => void refetch()} />}
      {!data && !error && <Reading />}
      {data && (
        <div className={common.paper}>
          {data.users.length === 0 ? (
            <Empty>{words.none}</Empty>
          ) : (
            <Accounts users={data.users} onEdit={setEditing} onReset={setResetting} />
          )}
        </div>
      )}
      {editing !== null && (
        <UserDialog
          user={editing === 'new' ? null : editing}
          onClose={(added) => {
            setEditing(null);
            setFirst(added?.firstPassword ? added : null);
            renew();
          }}
        />
      )}
      {resetting && (
        <ResetDialog
          user={resetting}
          onClose={(answer) => {
            setResetting(null);
            setFirst(answer);
            renew();
          }}
        />
      )}
      {first && <FirstPasswordDialog first={first} onClose={() => setFirst(null)} />}
    </>
  );
}

interface AccountsProps {
  users: User[];
  onEdit: (user: User) => void;
  onReset: (user: User) => void;
}

function Accounts({users, onEdit, onReset}: AccountsProps) {
  const text = useText();
  const words = text.users;
  const now = useNow();
  return (
    <div className={common.scroll} tabIndex={0} role="region" aria-label={words.title}>
      <table className={`${common.table} ${common.wide}`}>
        <thead>
          <tr>
            <th scope="col">{words.user}</th>
            <th scope="col">{words.fullName}</th>
            <th scope="col">{words.rights}</th>
            <th scope="col">{text.common.state}</th>
            <th scope="col">{words.lastLogIn}</th>
            <th scope="col">{words.created}</th>
            <th scope="col">{words.actions}</th>
          </tr>
        </thead>
        <tbody>
          {users.map((user) => {
            const rests = user.lockedUntil && Date.parse(user.lockedUntil) > now;
            return (
              <tr key={user.user}>
                <td>
                  <b>{user.user}</b>
                </td>
                <td>{user.fullName}</td>
                <td>
                  {(user.rights ?? []).length === 0 && (
                    <span className={common.dim}>{words.noRights}</span>
                  )}
                  {(user.rights ?? []).map((right, index) => (
                    <div key={index}>{rightWords(right, text)}</div>
                  ))}
                </td>
                <td>
                  <Tag tone={user.active === false ? 'plain' : 'good'}>
                    {user.active === false ? words.inactive : words.active}
                  </Tag>
                  {user.provider && (
                    <div className={common.dim} title={user.provider.issuer}>
                      {words.linkedAs(user.provider.name)}
                      {user.provider.boundAt === null && `, ${words.notBound}`}
                    </div>
                  )}
                  {user.mustChangePassword && (
                    <div className={common.dim}>{words.firstPassword}</div>
                  )}
                  {rests && (
                    <div className={common.dim}>
                      {words.lockedUntil(formatTime(user.lockedUntil!))}
                    </div>
                  )}
                </td>
                <td title={user.lastLogInAt ? formatTime(user.lastLogInAt) : undefined}>
                  {formatAgo(user.lastLogInAt ?? null, now, text.common)}
                </td>
                <td>{user.createdAt ? formatTime(user.createdAt).slice(0, 10) : ''}</td>
                <td>
                  <Group gap={4} wrap="nowrap">
                    <Button variant="default" size="compact-xs" onClick={() => onEdit(user)}>
                      {words.editDo}
                      <span className="visually-hidden"> {user.user}</span>
                    </Button>
                    <Button variant="default" size="compact-xs" onClick={() => onReset(user)}>
                      {words.reset}
                      <span className="visually-hidden"> {user.user}</span>
                    </Button>
                  </Group>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function ResetDialog({
  user,
  onClose,
}: {
  user: User;
  onClose: (first: FirstPassword | null) => void;
}) {
  const text = useText();
  const reset = useMutation({mutationFn: () => resetPassword(user.user), onSuccess: onClose});
  return (
    <Dialog onClose={() => onClose(null)} title={text.users.reset}>
      <Stack gap="sm">
        <Text size="sm">{text.users.resetAsk(user.user)}</Text>
        {reset.isError && <ProblemAlert error={reset.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => onClose(null)}>
            {text.common.cancel}
          </Button>
          <Button loading={reset.isPending} onClick={() => reset.mutate()}>
            {text.users.reset}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}

function FirstPasswordDialog({first, onClose}: {first: FirstPassword; onClose: () => void}) {
  const text = useText();
  return (
    <Dialog onClose={onClose} firm title={text.users.passwordTitle(first.user.user)}>
      <Stack gap="sm">
        <Group gap="sm">
          <Code fz="md">{first.firstPassword}</Code>
          <CopyButton value={first.firstPassword ?? ''}>
            {({copied, copy}) => (
              <Button variant="default" onClick={copy}>
                {copied ? text.common.copied : text.common.copy}
              </Button>
            )}
          </CopyButton>
        </Group>
        <Alert variant="outline" color="yellow">
          {text.users.passwordHint}
        </Alert>
        <Group justify="flex-end">
          <Button onClick={onClose}>{text.users.passwordKept}</Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
