/* The session protocol as a Promela model: epochs, go-back-N, receipts. What schema/wire/protocol.md
 * says in words is said here to a model checker, one step of the code as one step of a process.
 *
 *   one edge        edge-agent/uplink: sync_session.cc, session_opening.cc, push_window.h
 *   two gateways    central-gateway/intake: gateway_session.cc, push_intake.cc
 *   one store       the database of both gateways
 *   a network       loses, repeats, reorders; a frame may arrive in any later session
 *
 * README.md beside this file says which macro is which function, what is left out, what was found.
 * Run by ./check. DEFECT_... puts in a deliberate defect, which the checker must find.
 *
 * Every fault (a loss, a death, a timer that rings too soon, a commit that fails, ...) is paid from one
 * purse of FAULTS. When it is empty the faults have stopped, and in the end all must be acknowledged.
 * Slowness costs nothing: a frame or a gateway may wait for as long as it likes.
 */

#ifndef REVISIONS
#define REVISIONS 3   /* What the site captures, at any time. */
#endif
#ifndef FAULTS
#define FAULTS 2
#endif
#define GATEWAYS 2
#define SLOTS 8       /* Frames in one channel; a property says that they suffice. */

/* With RESTORED_EDGE an old copy of the edge's database is put back once. What it captures from then on
 * are other revisions than before: bit n-1 is set for such a one at sequence n. A chain through n is
 * these bits through n. */
#define BITS_THROUGH(n) ((1 << (n)) - 1)
#define CHAIN(bits, n) ((bits) & BITS_THROUGH(n))

typedef Hello { byte id; byte acknowledged; byte chain; byte next; bit differs };
typedef Push { byte epoch; byte first; byte last; byte bits };
typedef Answer { mtype kind; byte id; byte epoch; byte gateway; byte sequence; byte chain };

mtype = { NOTHING, WELCOME, RECEIPT, SEQUENCE_GAP, STALE_EPOCH, RETRY_LATER, MISMATCH };
mtype = { OFFLINE, GREETING, LIVE, STOPPED };

chan hellos = [SLOTS] of { Hello };             /* $share/gateways/edcsync/v1/hello/+ */
chan pushes[GATEWAYS] = [SLOTS] of { Push };    /* edcsync/v1/up/{gateway}/{edge} */
chan answers[GATEWAYS] = [SLOTS] of { Answer }; /* edcsync/v1/down/{edge}, by who wrote it */

/* --- the store of the gateways: durable, one transaction after another --- */
byte store_epoch;                /* edge.epoch */
byte store_acknowledged;         /* incarnation.acknowledged_through */
byte store_bits;                 /* incarnation.chain and the intake rows */
bit suspended;                   /* edge.standing */
byte applied[REVISIONS + 1];     /* How often the revision of a sequence was merged. */

/* --- the edge, durable --- */
byte captured;                   /* The outbox holds 1..captured, */
byte outbox_bits;                /* these revisions. */
byte acknowledged;               /* checkpoint.acknowledged_through */
bit restored;

/* --- the edge, in memory --- */
mtype state = OFFLINE;
byte hello_id;                   /* 0: no Welcome is waited for. */
bit reported_difference;
byte epoch;
byte gateway;
byte credit_frames = 1;
byte window_acknowledged;
byte window_next = 1;
byte window_sent;
byte flying[2];                  /* The last sequence of each frame in flight; 0: none. */
byte unsettled;                  /* What receipts of this session have said, until it is stored. */
byte settling;                   /* Of it, what waits for the edge's writer; 0: nothing. */
bit settling_of_this_session;

/* --- the world's --- */
byte faults_left = FAULTS;
byte hellos_said;                /* Also makes hello ids: no two are the same. */
byte gateways_at_work;

#define CAN_FAIL (faults_left > 0)
/* Nothing is on its way to anybody: a timer that rings now rings in time. */
#define QUIET (gateways_at_work == 0 && len(hellos) == 0 && len(pushes[0]) == 0 && \
               len(pushes[1]) == 0 && len(answers[0]) == 0 && len(answers[1]) == 0)

hidden byte at;                  /* Of no meaning between two steps: not part of the state. */
hidden Hello struck_hello;
hidden Push struck_push;
hidden Answer struck_answer;

/* ======================================= the properties ======================================= */

/* These are never set: they name the property in the assertion, and so in the checker's report. */
hidden byte no_loss, no_double_apply, order_kept, no_stale_epoch_commit, no_run_back;
hidden byte no_false_alarm, no_merge_by_guess, sessions_bounded, slots_suffice;
#define PROPERTY(name, holds) assert(name || (holds))

/* What the edge takes for acknowledged stands at the centre, and it is that very revision. */
#define NOTHING_LOST (acknowledged <= store_acknowledged && \
                      CHAIN(outbox_bits, acknowledged) == CHAIN(store_bits, acknowledged) && \
                      (acknowledged == 0 || applied[acknowledged] == 1))

/* A fault costs two sessions at most; a restored database, and that it was noticed, one more. */
#ifdef RESTORED_EDGE
#define HELLOS_MAX (1 + 2 * FAULTS + 3)
#else
#define HELLOS_MAX (1 + 2 * FAULTS)
#endif

/* The faults are used up at some time; then nothing may stand in the way. */
ltl progress {
  <> ((acknowledged == REVISIONS && NOTHING_LOST) || (restored && suspended && state == STOPPED))
}

inline put(channel, frame) {
  PROPERTY(slots_suffice, len(channel) < SLOTS);
  channel ! frame
}

inline forget_hello(hello) {
  hello.id = 0; hello.acknowledged = 0; hello.chain = 0; hello.next = 0; hello.differs = 0
}
inline forget_push(push) { push.epoch = 0; push.first = 0; push.last = 0; push.bits = 0 }
inline forget_answer(answer) {
  answer.kind = NOTHING; answer.id = 0; answer.epoch = 0; answer.gateway = 0; answer.sequence = 0;
  answer.chain = 0
}

/* ======================================== the gateways ======================================== */

inline suspend(answer) {
  PROPERTY(no_false_alarm, restored);   /* No person is called for a database that is the right one. */
  suspended = 1;
  answer.kind = MISMATCH;
  answer.epoch = 0
}

/* TakeHello: within one transaction. */
inline take_hello(hello, answer, self) {
  answer.id = hello.id;
  if
  :: suspended -> answer.kind = MISMATCH
#ifndef DEFECT_CHAIN_UNCHECKED
  :: !suspended && (hello.differs ||
     (hello.acknowledged <= store_acknowledged &&
      hello.chain != CHAIN(store_bits, hello.acknowledged))) -> suspend(answer)
#endif
#ifdef DEFECT_OLD_HELLO_SUSPENDS
  :: !suspended && hello.next <= store_acknowledged -> suspend(answer)
#endif
  :: else ->
    store_epoch++;
    answer.kind = WELCOME;
    answer.epoch = store_epoch;
    answer.gateway = self;
    answer.sequence = store_acknowledged;
    answer.chain = CHAIN(store_bits, store_acknowledged)
  fi;
  printf("gateway %d: Hello %d answered with %e, epoch %d, acknowledged %d\n", self, answer.id,
         answer.kind, answer.epoch, answer.sequence)
}

/* Merger::Apply and InsertIntake for one revision. */
inline apply(number, push) {
  PROPERTY(no_double_apply, applied[number] == 0);
  PROPERTY(order_kept, number == 1 || applied[number - 1] > 0);
  PROPERTY(no_merge_by_guess, (push.bits & (1 << (number - 1))) == 0 ||
           CHAIN(store_bits, number - 1) == CHAIN(outbox_bits, number - 1));
  applied[number]++;
  store_bits = store_bits | (push.bits & (1 << (number - 1)))
}

/* TakePush: within one transaction. */
inline take_push(push, answer, self) {
  answer.epoch = push.epoch;
  if
#ifndef DEFECT_EPOCH_UNCHECKED
  :: push.epoch != store_epoch -> answer.kind = STALE_EPOCH
#endif
  :: push.epoch == store_epoch && suspended -> answer.kind = MISMATCH; answer.epoch = 0
#ifndef DEFECT_GAP_UNCHECKED
  :: push.epoch == store_epoch && !suspended && push.first > store_acknowledged + 1 ->
    answer.kind = SEQUENCE_GAP;
    answer.sequence = store_acknowledged + 1
#endif
#ifndef DEFECT_CHAIN_UNCHECKED
  /* A known sequence with another revision. */
  :: push.epoch == store_epoch && !suspended && push.first <= store_acknowledged + 1 &&
     ((push.bits ^ store_bits) & BITS_THROUGH(push.last) & BITS_THROUGH(store_acknowledged) &
      ~BITS_THROUGH(push.first - 1)) != 0 -> suspend(answer)
#endif
  :: else ->
    PROPERTY(no_stale_epoch_commit, push.epoch == store_epoch);
    at = push.first;
    do
    :: at > push.last -> break
#ifdef DEFECT_SEQUENCE_UNCHECKED
    :: at <= push.last -> apply(at, push); at++
#else
    :: at <= push.last && at <= store_acknowledged -> at++   /* Known: the outcome it had. */
    :: at <= push.last && at > store_acknowledged -> apply(at, push); at++
#endif
    od;
    answer.kind = RECEIPT;
    answer.sequence = (push.last > store_acknowledged -> push.last : store_acknowledged);
    answer.chain = CHAIN(store_bits, answer.sequence);
#ifndef DEFECT_CURSOR_COMMITTED_APART
    store_acknowledged = answer.sequence
#endif
  fi;
  printf("gateway %d: Push %d..%d of epoch %d answered with %e %d\n", self, push.first, push.last,
         push.epoch, answer.kind, answer.sequence)
}

/* The process dies, and the broker drops what was on its way to it. It lives again under its name. */
inline die(self) {
  faults_left--;
  printf("gateway %d: dies\n", self);
  do
  :: len(pushes[self]) > 0 -> pushes[self] ? struck_push
  :: else -> break
  od;
  forget_hello(hello); forget_push(push); forget_answer(answer);
  gateways_at_work--
}

inline send_answer(self) {
  put(answers[self], answer);
  forget_push(push); forget_answer(answer);
  gateways_at_work--
}

proctype Gateway(byte self) {
  Hello hello;
  Push push;
  Answer answer;
  d_step { forget_answer(answer) };
end_idle:
  do
  /* The two gateways are alike: the first Hello that arrives may as well arrive at the first. */
  :: atomic { (self == 0 || store_epoch > 0 || gateways_at_work > 0) && len(hellos) > 0 ->
     hellos ? hello; gateways_at_work++ };
     /* Opened; now it waits for the writer, for as long as it likes. So this is also the gateway
      * that hangs, and wakes when another one has the edge. */
     if
     :: d_step { take_hello(hello, answer, self); forget_hello(hello) };
        if
        :: atomic { send_answer(self) }
        :: atomic { CAN_FAIL -> die(self) }   /* After the commit. */
        fi
     :: atomic { CAN_FAIL -> die(self) }      /* Before it. */
     fi

  :: atomic { pushes[self] ? push -> gateways_at_work++ };
#ifdef DEFECT_RECEIPT_BEFORE_COMMIT
     if
     :: atomic { push.epoch == store_epoch && !suspended && push.first == store_acknowledged + 1 ->
        answer.kind = RECEIPT; answer.epoch = push.epoch; answer.sequence = push.last;
        answer.chain = CHAIN(push.bits, push.last);
        put(answers[self], answer); forget_answer(answer) }
     :: else
     fi;
#endif
     if
     :: d_step { take_push(push, answer, self); forget_push(push) };
#ifdef DEFECT_CURSOR_COMMITTED_APART
        if
        :: d_step { answer.kind == RECEIPT -> store_acknowledged = answer.sequence }
        :: answer.kind != RECEIPT
        :: atomic { CAN_FAIL -> die(self); goto end_idle }
        fi;
#endif
        if
        :: atomic { send_answer(self) }
        :: atomic { CAN_FAIL -> die(self) }
        fi
     :: atomic { CAN_FAIL -> die(self) }
     :: atomic { CAN_FAIL -> faults_left--;   /* Busy, over credit, or the commit fails. */
        answer.kind = RETRY_LATER; answer.epoch = push.epoch; send_answer(self) }
     fi

  :: atomic { CAN_FAIL && len(pushes[self]) > 0 -> gateways_at_work++; die(self) }
  od
}

/* ========================================== the edge ========================================== */

/* push_window.h */
#define WINDOW_EMPTY (flying[0] == 0)
#define WINDOW_HAS_ROOM (flying[0] == 0 || (flying[1] == 0 && credit_frames > 1))
inline window_go_back(after) {
  window_acknowledged = after; window_next = after + 1;
  flying[0] = 0; flying[1] = 0
}
inline window_restart(after) {
  window_sent = after;
  window_go_back(after)
}
inline window_note_sent(last_sent) {
  if
  :: flying[0] == 0 -> flying[0] = last_sent
  :: else -> flying[1] = last_sent
  fi;
  window_next = last_sent + 1;
  window_sent = (last_sent > window_sent -> last_sent : window_sent)
}
inline window_pop(through) {
  if
  :: flying[0] != 0 && flying[0] <= through -> flying[0] = flying[1]; flying[1] = 0
  :: else
  fi
}
inline window_acknowledge(through) {
  window_pop(through);
  window_pop(through);
  window_acknowledged = (through > window_acknowledged -> through : window_acknowledged);
  window_next = (through >= window_next -> through + 1 : window_next)
}

/* Values that only the next Welcome gives a meaning again; so that equal states are one. */
inline forget_session() {
  epoch = 0; gateway = 0; credit_frames = 1;
  unsettled = 0; settling_of_this_session = 0;
  window_restart(0)
}

inline say_hello(chain_differs) {
  forget_session();
  hellos_said++;
  PROPERTY(sessions_bounded, hellos_said <= HELLOS_MAX);
  hellos_said <= HELLOS_MAX;   /* A search that goes past errors goes no further here. */
  hello_id = hellos_said;
  state = GREETING;
  hello.id = hello_id;
  hello.acknowledged = acknowledged;
  hello.chain = CHAIN(outbox_bits, acknowledged);
  hello.next = captured + 1;
  hello.differs = chain_differs;
  printf("edge: Hello %d, next %d, acknowledged %d, differs %d\n", hello.id, hello.next,
         hello.acknowledged, hello.differs);
  put(hellos, hello);
  forget_hello(hello)
}

inline settle() {
  if
  :: settling == 0 && unsettled > 0 ->
    settling = unsettled; unsettled = 0; settling_of_this_session = 1
  :: else
  fi
}

/* The work in the edge's writer: the checkpoint never goes back by a receipt. */
inline write_settled() {
  acknowledged = (settling > acknowledged -> settling : acknowledged);
  settling = 0; settling_of_this_session = 0;
  PROPERTY(no_loss, NOTHING_LOST)
}

/* It could not be stored: kept, if its session lives. */
inline keep_unsettled() {
#ifndef DEFECT_SETTLED_ONCE
  unsettled = (settling_of_this_session && settling > unsettled -> settling : unsettled);
#endif
  settling = 0; settling_of_this_session = 0
}

#ifdef DEFECT_CHAIN_UNCHECKED
#define CHAIN_FITS(answer) (true)
#else
#define CHAIN_FITS(answer) (answer.sequence <= captured && \
                            answer.chain == CHAIN(outbox_bits, answer.sequence))
#endif

/* OnWelcome, TakeWelcome */
inline on_welcome(answer) {
  if
#ifdef DEFECT_OLD_WELCOME_TAKEN
  :: state != GREETING
#else
  :: answer.id != hello_id || hello_id == 0
#endif
  :: else ->
    hello_id = 0;
    if
    :: !CHAIN_FITS(answer) && reported_difference -> state = STOPPED
    :: !CHAIN_FITS(answer) && !reported_difference -> reported_difference = 1; say_hello(1)
    :: else ->
      write_settled();   /* Queued before, so written before. */
      /* The edge would take a centre that knows less for a restored one. */
      PROPERTY(no_run_back, answer.sequence >= acknowledged);
      acknowledged = answer.sequence;
      PROPERTY(no_loss, NOTHING_LOST);
      epoch = answer.epoch;
      gateway = answer.gateway;
      window_restart(answer.sequence);
      state = LIVE;
      printf("edge: live, epoch %d, gateway %d, acknowledged %d\n", epoch, gateway, acknowledged)
    fi
  fi
}

inline on_receipt(answer) {
  if
  :: state != LIVE || answer.epoch != epoch
  :: else ->
    credit_frames = 2;
    if
    :: answer.sequence > window_sent   /* Never sent: not ours to take. */
    :: else ->
      window_acknowledge(answer.sequence);
      if
      :: !CHAIN_FITS(answer) -> reported_difference = 1; say_hello(1)
      :: else ->
#ifdef DEFECT_SETTLE_BEYOND_RECEIPT
        unsettled = window_sent;
#else
        unsettled = (answer.sequence > unsettled -> answer.sequence : unsettled);
#endif
        settle();
        printf("edge: receipt through %d\n", answer.sequence)
      fi
    fi
  fi
}

inline on_refuse(answer) {
  if
  :: answer.kind == MISMATCH && (answer.id == 0 || answer.id == hello_id) -> state = STOPPED
  :: answer.kind == MISMATCH && answer.id != 0 && answer.id != hello_id
#ifdef DEFECT_OLD_REFUSAL_HEEDED
  :: answer.kind != MISMATCH && state != LIVE
#else
  :: answer.kind != MISMATCH && (state != LIVE || answer.epoch != epoch)
#endif
  :: else ->
    if
    :: answer.kind == STALE_EPOCH ->
#ifdef DEFECT_PUSHES_ON_WHEN_STALE
      window_go_back(window_acknowledged)
#else
      say_hello(0)
#endif
    :: answer.kind == SEQUENCE_GAP && answer.sequence <= window_next ->
      window_go_back(answer.sequence - 1)
    :: answer.kind == SEQUENCE_GAP && answer.sequence > window_next
    :: answer.kind == RETRY_LATER -> window_go_back(window_acknowledged)
    fi
  fi
}

inline crash() {
  printf("edge: crashes\n");
  state = OFFLINE; hello_id = 0; reported_difference = 0; settling = 0;
  forget_session()
}

active proctype Edge() {
  Hello hello;
  Push push;
  Answer answer;
  byte copy;
  d_step { forget_answer(answer) };
  atomic { run Gateway(0); run Gateway(1) };
  do
  /* Somebody submits; in every state. */
  :: atomic { captured < REVISIONS ->
     captured++;
     outbox_bits = outbox_bits | (restored << (captured - 1));
     printf("edge: captures %d\n", captured) }

  /* OnLinkUp */
  :: atomic { state == OFFLINE -> reported_difference = 0; say_hello(0) }

  /* OnMessage */
  :: atomic { (state == GREETING || state == LIVE) &&
     (len(answers[0]) > 0 || len(answers[1]) > 0) ->
     if
     :: answers[0] ? answer
     :: answers[1] ? answer
     fi;
     if
     :: answer.kind == WELCOME -> on_welcome(answer)
     :: answer.kind == RECEIPT -> on_receipt(answer)
     :: else -> on_refuse(answer)
     fi;
     forget_answer(answer) }

  /* Pump, PushOnce. A frame holds what fits: any number of revisions, but one at least. */
  :: atomic { state == LIVE && WINDOW_HAS_ROOM && window_next <= captured ->
     push.epoch = epoch;
     push.first = window_next;
     push.last = window_next;
     do
     :: push.last < captured -> push.last++
     :: break
     od;
     push.bits = outbox_bits & BITS_THROUGH(push.last) & ~BITS_THROUGH(push.first - 1);
     put(pushes[gateway], push);
     printf("edge: Push %d..%d of epoch %d to gateway %d\n", push.first, push.last, epoch, gateway);
     window_note_sent(push.last);
     forget_push(push) }

  /* Settle */
  :: atomic { settling > 0 -> write_settled(); settle() }
  :: atomic { CAN_FAIL && settling > 0 -> faults_left--; keep_unsettled() }
  :: atomic { settling == 0 && unsettled > 0 -> settle() }

  /* HelloUnanswered; after the last one NoAnswer and a new connection, which says Hello as well. */
#ifndef DEFECT_HELLO_SAID_ONCE
  :: atomic { state == GREETING && QUIET -> say_hello(reported_difference) }
#endif
  :: atomic { CAN_FAIL && state == GREETING && !QUIET ->   /* Too soon. */
     faults_left--; say_hello(reported_difference) }

  /* NoAnswer: the receipt is overdue. */
#ifndef DEFECT_NO_RETRY
  :: atomic { state == LIVE && !WINDOW_EMPTY && QUIET -> state = OFFLINE; forget_session() }
#endif
  /* Too soon, or OnLinkDown. */
  :: atomic { CAN_FAIL && state == LIVE -> faults_left--; state = OFFLINE; forget_session() }

  :: atomic { CAN_FAIL && state != STOPPED -> faults_left--; crash() }

#ifdef RESTORED_EDGE
  /* A copy of any earlier moment is put back: fewer revisions, an older acknowledgement. */
  :: atomic { !restored && captured > 0 && state != STOPPED ->
     crash();
     restored = 1;
     copy = 0;
     do
     :: copy + 1 < captured -> copy++
     :: break
     od;
     captured = copy;
     copy = (acknowledged < copy -> acknowledged : copy);
     acknowledged = 0;
     do
     :: acknowledged < copy -> acknowledged++
     :: break
     od;
     copy = 0;
     printf("edge: restored with %d revisions, acknowledged %d\n", captured, acknowledged) }
  :: state == STOPPED && suspended -> break
#endif
  :: acknowledged == REVISIONS && settling == 0 && unsettled == 0 && QUIET -> break
  od
}

/* ========================================= the network ======================================== */

/* The frame that is next to arrive never does, or arrives again later, or after all the others. */
#define TROUBLE(channel, frame) \
  atomic { CAN_FAIL && len(channel) > 0 -> \
    faults_left--; \
    if \
    :: channel ? frame; printf("network: loses a frame\n") \
    :: channel ? <frame>; put(channel, frame); printf("network: repeats a frame\n") \
    :: len(channel) > 1 -> channel ? frame; channel ! frame; printf("network: reorders\n") \
    fi }

active proctype Network() {
end_network:
  do
  :: TROUBLE(hellos, struck_hello)
  :: TROUBLE(pushes[0], struck_push)
  :: TROUBLE(pushes[1], struck_push)
  :: TROUBLE(answers[0], struck_answer)
  :: TROUBLE(answers[1], struck_answer)
  od
}
