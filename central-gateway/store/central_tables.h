// All tables of the central store on one connection. Private to this folder.
// Threads: as the Database.
#pragma once

#include "central-gateway/store/account_table.h"
#include "central-gateway/store/conflict_queue.h"
#include "central-gateway/store/conflict_table.h"
#include "central-gateway/store/edge_table.h"
#include "central-gateway/store/enrolment_table.h"
#include "central-gateway/store/feed_table.h"
#include "central-gateway/store/id_maker.h"
#include "central-gateway/store/identity_table.h"
#include "central-gateway/store/intake_table.h"
#include "central-gateway/store/lock_table.h"
#include "central-gateway/store/notice_outbox.h"
#include "central-gateway/store/notice_table.h"
#include "central-gateway/store/proposal_table.h"
#include "central-gateway/store/quarantine_table.h"
#include "central-gateway/store/reconciliation_table.h"
#include "central-gateway/store/signature_table.h"
#include "central-gateway/store/site_table.h"
#include "central-gateway/store/state_table.h"
#include "central-gateway/store/study_table.h"
#include "shared/storage/audit_table.h"
#include "shared/storage/record_table.h"
#include "shared/storage/revision_table.h"

namespace edcsync::central {

struct CentralTables {
  // `is_writer`: this is the one connection of the process that writes.
  CentralTables(Database& connection, FieldCipher& field_cipher, const Clock& clock,
                const std::string& holder, bool is_writer)
      : database(connection),
        cipher(field_cipher),
        records(connection),
        revisions(connection, field_cipher),
        audit(connection),
        sites(connection),
        edges(connection, sites),
        intake(connection),
        conflicts(connection, sites),
        queue(connection),
        signatures(connection),
        proposals(connection, field_cipher),
        quarantine(connection, field_cipher, sites),
        locks(connection, is_writer),
        studies(connection),
        feed(connection, sites, revisions),
        accounts(connection),
        identities(connection),
        notices(connection),
        notice_outbox(connection),
        reconciliations(connection),
        enrolment(connection, sites),
        state(connection, field_cipher),
        ids(connection, clock, holder) {}

  // Another process wrote, or something here was rolled back: caches are read anew.
  void ForgetCaches() {
    sites.Forget();
    edges.Forget();
    locks.Forget();
    ids.Doubt();
  }

  Database& database;
  FieldCipher& cipher;
  RecordTable records;
  RevisionTable revisions;
  AuditTable audit;
  SiteTable sites;
  EdgeTable edges;
  IntakeTable intake;
  ConflictTable conflicts;
  ConflictQueue queue;
  SignatureTable signatures;
  ProposalTable proposals;
  QuarantineTable quarantine;
  LockTable locks;
  StudyTable studies;
  FeedTable feed;
  AccountTable accounts;
  IdentityTable identities;
  NoticeTable notices;
  NoticeOutbox notice_outbox;
  ReconciliationTable reconciliations;
  EnrolmentTable enrolment;
  StateTable state;
  IdMaker ids;
};

}  // namespace edcsync::central
