// The reader's saved views: a name for a set of filters and an order.
import {ActionIcon, Button, Group, Popover, Stack, Text, TextInput} from '@mantine/core';
import {useMutation, useQuery, useQueryClient} from '@tanstack/react-query';
import {useState} from 'react';
import {Link} from 'react-router-dom';
import {listViews, saveViews} from '../api/calls';
import type {View} from '../api/types';
import {Cross} from '../common/icons';
import {ProblemAlert} from '../common/problem_alert';
import {useText} from '../text/language';
import {readFilters, writeFilters} from './filters';
import classes from './queue.module.css';

export function ViewsMenu({search}: {search: string}) {
  const text = useText();
  const queries = useQueryClient();
  const [open, setOpen] = useState(false);
  const [name, setName] = useState('');
  const {data} = useQuery({queryKey: ['views'], queryFn: listViews});
  const views = data?.views ?? [];
  const save = useMutation({
    mutationFn: (next: View[]) => saveViews(next),
    onSuccess: (answer) => queries.setQueryData(['views'], answer),
  });

  const add = () => {
    const view = {name: name.trim(), query: search.replace(/^\?/, '')};
    save.mutate([...views.filter((other) => other.name !== view.name), view], {
      onSuccess: () => setName(''),
    });
  };

  return (
    <Popover
      opened={open}
      onChange={setOpen}
      position="bottom-end"
      trapFocus
      withRoles={false}
      transitionProps={{duration: 0}}
    >
      <Popover.Target>
        <Button
          variant="default"
          aria-haspopup="dialog"
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          {text.queue.views}
        </Button>
      </Popover.Target>
      <Popover.Dropdown role="dialog" aria-label={text.queue.views}>
        <Stack gap="xs" className={classes.views}>
          {views.length === 0 && (
            <Text size="sm" c="dimmed">
              {text.queue.viewsNone}
            </Text>
          )}
          {views.map((view) => (
            <div key={view.name} className={classes.view}>
              <Link to={`/${writeFilters(readFilters(view.query))}`} onClick={() => setOpen(false)}>
                {view.name}
              </Link>
              <ActionIcon
                variant="subtle"
                size="sm"
                aria-label={text.queue.viewRemove(view.name)}
                onClick={() => save.mutate(views.filter((other) => other.name !== view.name))}
              >
                <Cross />
              </ActionIcon>
            </div>
          ))}
          <form
            onSubmit={(event) => {
              event.preventDefault();
              if (name.trim()) add();
            }}
          >
            <Group gap={6} wrap="nowrap" align="flex-end">
              <TextInput
                label={text.queue.viewName}
                value={name}
                maxLength={80}
                onChange={(event) => setName(event.currentTarget.value)}
              />
              <Button type="submit" loading={save.isPending} disabled={!name.trim()}>
                {text.queue.viewSave}
              </Button>
            </Group>
          </form>
          {save.isError && <ProblemAlert error={save.error} />}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
