// The contract's types under the names that the pages use. contract.gen.ts is written from
// schema/api/central-gateway.openapi.yaml by every build, so a page cannot drift from the contract.
import type {components, operations} from './contract.gen';

type Schemas = components['schemas'];

export type Problem = Schemas['Problem'];
export type Outcome = Schemas['Outcome'];
export type Right = Schemas['Right'];
export type Role = Right['role'];
export type Session = Schemas['Session'];
export type LogInMethods = Schemas['LogInMethods'];
export type User = Schemas['User'];
export type NewUser = Schemas['NewUser'];
export type View = Schemas['View'];
export type Study = Schemas['Study'];
export type Overview = Schemas['Overview'];
export type Edge = Overview['edges'][number];
export type ConflictSummary = Schemas['ConflictSummary'];
export type ConflictCounts = Schemas['ConflictCounts'];
export type Conflict = Schemas['Conflict'];
export type DecisionRequest = Schemas['DecisionRequest'];
export type Proposal = Schemas['Proposal'];
export type Claim = Schemas['Claim'];
export type Revision = Schemas['Revision'];
export type ItemGroup = Schemas['ItemGroup'];
export type Item = Schemas['Item'];
export type ItemState = Schemas['ItemState'];
export type Choices = Schemas['Choices'];
export type Choice = Schemas['Choice'];
export type PreviewItem = Schemas['PreviewItem'];
export type Preview = Schemas['Preview'];
export type Reason = Schemas['Reason'];
export type SignatureRequest = Schemas['SignatureRequest'];
export type Signature = Schemas['Signature'];
export type Meaning = SignatureRequest['meaning'];
export type RecordSummary = Schemas['RecordSummary'];
export type ClinicalRecord = Schemas['Record'];
export type Quarantined = Schemas['Quarantined'];
export type AuditEntry = Schemas['AuditEntry'];
export type Checkpoint = Schemas['Checkpoint'];

type Operations = operations;
export type OperationName = keyof Operations;

// What an operation answers with when all went well.
export type Answer<Name extends OperationName> = Operations[Name] extends {
  responses: {200: {content: {'application/json': infer Body}}};
}
  ? Body
  : Operations[Name] extends {
        responses: {200: {content: {'text/csv': string; 'application/json': infer Body}}};
      }
    ? Body
    : void;

// What an operation may be asked with behind the question mark.
export type QueryOf<Name extends OperationName> = Operations[Name] extends {
  parameters: {query?: infer Query};
}
  ? NonNullable<Query>
  : Record<string, never>;

export type ConflictQuery = QueryOf<'listConflicts'>;
export type ConflictSort = NonNullable<ConflictQuery['sort']>;
export type BulkRule =
  Operations['decideConflicts']['requestBody']['content']['application/json']['rule'];
