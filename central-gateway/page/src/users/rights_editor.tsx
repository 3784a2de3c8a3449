// The rights of an account, one line each: a role, for a study, at a site.
import {ActionIcon, Button, Checkbox, Fieldset, Group, NativeSelect, Stack} from '@mantine/core';
import type {Right, Role} from '../api/types';
import {Cross} from '../common/icons';
import {sitesOf, useStudies} from '../common/studies';
import {useText} from '../text/language';
import {kRoles, withAny} from './rights';

interface Props {
  rights: Right[];
  onChange: (rights: Right[]) => void;
}

export function RightsEditor({rights, onChange}: Props) {
  const text = useText();
  const studies = useStudies();
  const set = (index: number, change: Partial<Right>) =>
    onChange(rights.map((right, at) => (at === index ? {...right, ...change} : right)));
  return (
    <Fieldset legend={text.users.rights} p="xs">
      <Stack gap="xs">
        {rights.map((right, index) => (
          <Group key={index} gap={6} align="center">
            <NativeSelect
              aria-label={text.users.role}
              value={right.role}
              flex="1 1 120px"
              data={kRoles.map((role) => ({value: role, label: text.session.roles[role]}))}
              onChange={(event) =>
                set(index, {role: event.currentTarget.value as Role, seesBlinded: false})
              }
            />
            <NativeSelect
              aria-label={text.common.study}
              value={right.studyOID ?? ''}
              flex="1 1 120px"
              data={withAny(
                text.common.anyStudy,
                studies.map((study) => study.studyOID),
                right.studyOID,
              )}
              onChange={(event) =>
                set(index, {studyOID: event.currentTarget.value || null, siteOID: null})
              }
            />
            <NativeSelect
              aria-label={text.common.site}
              value={right.siteOID ?? ''}
              flex="1 1 100px"
              data={withAny(
                text.common.anySite,
                sitesOf(studies, right.studyOID ?? undefined),
                right.siteOID,
              )}
              onChange={(event) => set(index, {siteOID: event.currentTarget.value || null})}
            />
            {right.role === 'monitor' && (
              <Checkbox
                label={text.users.seesBlinded}
                checked={right.seesBlinded ?? false}
                onChange={(event) => set(index, {seesBlinded: event.currentTarget.checked})}
              />
            )}
            <ActionIcon
              variant="default"
              size={30}
              aria-label={text.users.removeRight}
              onClick={() => onChange(rights.filter((_, at) => at !== index))}
            >
              <Cross />
            </ActionIcon>
          </Group>
        ))}
        <Group>
          <Button
            variant="default"
            onClick={() =>
              onChange([...rights, {role: 'data_manager', studyOID: null, siteOID: null}])
            }
          >
            {text.users.addRight}
          </Button>
        </Group>
      </Stack>
    </Fieldset>
  );
}
