// One conflict: understand it, decide item by item, sign, go on to the next.
import {Button} from '@mantine/core';
import {useCallback, useEffect, useMemo, useRef, useState} from 'react';
import {Link, useNavigate, useParams} from 'react-router-dom';
import {withdrawProposal} from '../api/calls';
import {ProblemError} from '../api/http';
import type {Conflict, Reason, SignatureRequest} from '../api/types';
import {useNotice} from '../common/notices';
import {Key, KeysHelp, Reading} from '../common/pieces';
import {ProblemAlert} from '../common/problem_alert';
import {noReason} from '../common/reason_fields';
import {useStudies} from '../common/studies';
import {Timeline} from '../common/timeline';
import {neighbour, queueAddress} from '../queue/queue_trail';
import {mayDecideAt} from '../session/permissions';
import {useSession} from '../session/session_context';
import {useText} from '../text/language';
import type {Dictionary} from '../text/dictionary';
import {ClaimBanner, ModeBanner, MovedBanner, ReopenedNote, SettledBanner} from './banners';
import {ConflictHead} from './conflict_head';
import {DecisionBar, WaitingBar} from './decision_bar';
import {
  choose,
  columnsOf,
  disputedItems,
  hasSides,
  isComplete,
  missing,
  takeAll,
  takeOneSided,
  undecided,
  undo,
  type ItemChoice,
} from './decision';
import type {Column} from './item_row';
import {ItemTable} from './item_table';
import {ProposalHistory, ProposalPanel} from './proposal_panel';
import {needsConsent, proposedStates} from './proposals';
import {ReopenDialog} from './reopen_dialog';
import {RuleNote} from './rule_note';
import {SignDialog} from './sign_dialog';
import {useClaim} from './use_claim';
import {useConflict} from './use_conflict';
import {useSettled} from './use_settled';
import {useSigning} from './use_signing';
import {keyLines, useConflictKeys} from './use_conflict_keys';
import classes from './conflict.module.css';

export function ConflictPage() {
  const {conflictId = ''} = useParams();
  // A new conflict begins with nothing chosen.
  return <OneConflict key={conflictId} conflictId={conflictId} />;
}

function namedColumns(conflict: Conflict, text: Dictionary): Column[] {
  return columnsOf(conflict).flatMap((revisionId, index) =>
    revisionId === null
      ? []
      : [
          {
            revisionId,
            name: index === 0 ? text.conflict.ancestorShort : text.conflict.head(index),
            keyNumber: index + 1,
            isAncestor: index === 0,
          },
        ],
  );
}

function OneConflict({conflictId}: {conflictId: string}) {
  const text = useText();
  const session = useSession();
  const navigate = useNavigate();
  const tell = useNotice();
  // The study's reasons are at hand when the dialog opens.
  useStudies();
  const state = useConflict(conflictId);
  const {conflict, decision, setDecision} = state;
  const isOpen = conflict?.state === 'open';
  const settled = useSettled(conflict);
  const {state: claimState, claim} = useClaim(
    state.latest,
    session.user,
    Boolean(isOpen && conflict?.mayDecide && !conflict.atSite),
  );
  const mayDecide = Boolean(
    isOpen && conflict?.mayDecide && !conflict.atSite && claimState.kind === 'mine',
  );

  const [activePath, setActivePath] = useState<string | null>(null);
  const [editingPath, setEditingPath] = useState<string | null>(null);
  const [unfolded, setUnfolded] = useState(false);
  const [reason, setReason] = useState(noReason);
  const [dialog, setDialog] = useState<'sign' | 'keys' | 'reopen' | null>(null);
  const body = useRef<HTMLDivElement>(null);
  const signing = useSigning(conflict, decision);
  const columns = useMemo(() => (conflict ? namedColumns(conflict, text) : []), [conflict, text]);
  const disputed = useMemo(() => (conflict ? disputedItems(conflict) : []), [conflict]);
  const proposed = useMemo(() => (conflict ? proposedStates(conflict) : null), [conflict]);
  const active = disputed.find((item) => item.path === activePath) ?? disputed[0];

  const focusItem = useCallback((path: string) => {
    setActivePath(path);
    requestAnimationFrame(() => {
      const row = document.getElementById(`item-${path}`);
      row?.focus({preventScroll: true});
      row?.scrollIntoView({block: 'nearest'});
    });
  }, []);
  const move = (by: number) => {
    const at = disputed.findIndex((item) => item.path === active?.path);
    const to =
      disputed[
        Math.min(disputed.length - 1, Math.max(0, activePath === null && by > 0 ? 0 : at + by))
      ];
    if (to) focusItem(to.path);
  };
  const onChoose = useCallback(
    (path: string, choice: ItemChoice) =>
      conflict && setDecision((before) => choose(before, conflict, path, choice)),
    [conflict, setDecision],
  );
  const onUndo = useCallback(
    (path: string) => conflict && setDecision((before) => undo(before, conflict, path)),
    [conflict, setDecision],
  );
  const onEdit = useCallback(
    (path: string | null) => {
      if (path === null && editingPath) focusItem(editingPath);
      else if (path) setActivePath(path);
      setEditingPath(path);
    },
    [editingPath, focusItem],
  );
  // A decision by key leads on to the next item that is still undecided.
  const takeByKey = (number: number) => {
    const column = columns.find((one) => one.keyNumber === number + 1);
    if (!conflict || !column || !active) return;
    const next = choose(decision, conflict, active.path, {
      kind: 'revision',
      revisionId: column.revisionId,
    });
    setDecision(next);
    const open = missing(next, conflict);
    const after = disputed.indexOf(active);
    const to = open.find((item) => disputed.indexOf(item) > after) ?? open[0];
    focusItem(to?.path ?? active.path);
  };
  const goTo = async (step: 1 | -1) => {
    const found = await neighbour(conflictId, session.user, step);
    if (found) navigate(`/conflicts/${encodeURIComponent(found.conflictId)}`);
    else tell(text.conflict.nextNone);
  };
  const review = () => {
    if (!conflict || !mayDecide) return;
    const open = missing(decision, conflict);
    if (open.length === 0) setDialog('sign');
    else {
      tell(text.conflict.reviewMissing(open.length));
      focusItem(open[0]!.path);
    }
  };

  useConflictKeys(
    {
      move,
      take: takeByKey,
      takeAll: (number) => {
        const column = columns.find((one) => one.keyNumber === number + 1);
        if (column) setDecision(takeAll(column.revisionId));
      },
      takeOneSided: () => conflict && setDecision((before) => takeOneSided(before, conflict)),
      type: () => active && onEdit(active.path),
      undo: () => active && onUndo(active.path),
      fold: () => setUnfolded((before) => !before),
      sign: review,
      next: () => void goTo(1),
      previous: () => void goTo(-1),
      back: () => navigate(queueAddress()),
      help: () => setDialog('keys'),
    },
    (conflict?.headRevisions.length ?? 0) + 1,
    mayDecide,
  );

  useEffect(() => {
    if (conflict)
      document.title = `${conflict.subjectKey} ${conflict.form.name} – ${text.common.product}`;
  }, [conflict, text]);

  const sign = async (given: Reason, signature: SignatureRequest) => {
    if (claimState.kind !== 'mine') return;
    const became = await signing.sign(claimState.claim, given, signature);
    setDialog(null);
    if (became === 'proposed' || became === 'decided') {
      setReason(noReason);
      // Of a proposal the page itself says where it is.
      if (became === 'decided') tell(text.conflict.signed);
    }
    await state.renew(became === 'moved');
    body.current?.scrollTo({top: 0});
  };
  const withdraw = async () => {
    try {
      await withdrawProposal(conflictId);
      tell(text.consent.withdrawn);
    } catch (error) {
      // The site has answered meanwhile: reading again shows its answer.
      if (!(error instanceof ProblemError) || error.code !== 'not_found') throw error;
    }
    await state.renew(false);
  };

  if (!conflict)
    return state.error ? <ProblemAlert error={state.error} onRetry={state.retry} /> : <Reading />;
  const marks = Object.fromEntries([
    ...(conflict.ancestor ? [[conflict.ancestor.revisionId, text.conflict.isAncestor]] : []),
    ...conflict.headRevisions.map(({revisionId, former}) => [
      revisionId,
      former ? text.consent.former : text.conflict.isHead,
    ]),
  ]) as Record<string, string>;

  return (
    <div className={classes.page}>
      <div ref={body} className={classes.body} tabIndex={-1}>
        <ConflictHead
          conflict={conflict}
          claimState={claimState}
          onNext={() => void goTo(1)}
          onPrevious={() => void goTo(-1)}
          onHelp={() => setDialog('keys')}
        />
        {state.moved && (
          <MovedBanner
            moves={state.moved}
            adopted={state.isAdopted}
            onAdopt={state.adoptLatest}
            onSeen={state.dismissMoved}
          />
        )}
        {signing.modeChanged && <ModeBanner onSeen={signing.dismissModeChanged} />}
        {conflict.reopening && <ReopenedNote reopening={conflict.reopening} />}
        {conflict.state !== 'open' && <SettledBanner conflict={conflict} />}
        <ProposalPanel conflict={conflict} onWithdraw={conflict.mayDecide ? withdraw : null} />
        {isOpen && !conflict.mayDecide && (
          <p className={classes.note}>{text.conflict.mayNotDecide}</p>
        )}
        <ClaimBanner state={claimState} onClaim={claim} />
        {!conflict.ancestor && <p className={classes.note}>{text.conflict.noAncestor}</p>}
        <ItemTable
          conflict={conflict}
          columns={columns}
          decision={conflict.atSite ? undecided : decision}
          mayDecide={mayDecide}
          activePath={active?.path ?? null}
          editingPath={editingPath}
          unfolded={unfolded}
          settled={settled}
          proposed={proposed}
          onUnfold={() => setUnfolded(!unfolded)}
          onTakeAll={(revisionId) => setDecision(takeAll(revisionId))}
          onActive={setActivePath}
          onChoose={onChoose}
          onUndo={onUndo}
          onEdit={onEdit}
        />
        {conflict.state !== 'open' && (
          <div className={classes.onward}>
            <Button autoFocus onClick={() => void goTo(1)}>
              {text.conflict.next}&nbsp;<Key>n</Key>
            </Button>
            <Button variant="default" component={Link} to={queueAddress()}>
              {text.conflict.back}
            </Button>
            {mayDecideAt(session, conflict.studyOID, conflict.siteOID) && (
              <Button variant="default" onClick={() => setDialog('reopen')}>
                {text.consent.reopen}
              </Button>
            )}
          </div>
        )}
        {isOpen && conflict.mayDecide && !conflict.atSite && <RuleNote conflict={conflict} />}
        <ProposalHistory conflict={conflict} />
        <section className={classes.history} aria-labelledby="history">
          <h2 id="history">{text.conflict.timeline}</h2>
          <Timeline revisions={conflict.timeline} marks={marks} />
        </section>
      </div>
      {mayDecide && (
        <DecisionBar
          decided={disputed.length - missing(decision, conflict).length}
          total={disputed.length}
          complete={isComplete(decision, conflict)}
          proposes={needsConsent(conflict)}
          onReview={review}
          onClear={() => setDecision(undecided)}
          onOneSided={
            hasSides(conflict) ? () => setDecision(takeOneSided(decision, conflict)) : null
          }
        />
      )}
      {conflict.atSite && (
        <WaitingBar mayWithdraw={conflict.mayDecide} onNext={() => void goTo(1)} />
      )}
      {dialog === 'sign' && (
        <SignDialog
          conflict={conflict}
          decision={decision}
          reason={reason}
          onReason={setReason}
          onSign={sign}
          onClose={() => setDialog(null)}
        />
      )}
      {dialog === 'reopen' && (
        <ReopenDialog
          conflict={conflict}
          onOpened={(opened) => navigate(`/conflicts/${encodeURIComponent(opened)}`)}
          onClose={() => setDialog(null)}
        />
      )}
      <KeysHelp
        opened={dialog === 'keys'}
        onClose={() => setDialog(null)}
        lines={keyLines(text, mayDecide)}
      />
    </div>
  );
}
