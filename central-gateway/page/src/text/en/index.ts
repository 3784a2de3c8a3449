import {audit} from './audit';
import {common} from './common';
import {conflict} from './conflict';
import {consent} from './consent';
import {errors} from './errors';
import {overview} from './overview';
import {quarantine} from './quarantine';
import {queue} from './queue';
import {records} from './records';
import {session} from './session';
import {users} from './users';

export const en = {
  common,
  session,
  errors,
  queue,
  conflict,
  consent,
  records,
  quarantine,
  audit,
  overview,
  users,
};
