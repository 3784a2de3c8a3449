#include "central-gateway/store/signature_table.h"

#include "central-gateway/store/sql_values.h"
#include "shared/crypto/digest.h"

namespace edcsync::central {
namespace {

// Each field behind its length, so that no two rows have the same text; the label keeps it apart
// from the marks that the same key makes.
Digest MacOf(const SignatureRow& row, BytesView mark_key) {
  std::string text = "edcsync signature 1\n" + row.revision.ToHex() + "\n";
  for (const std::string* field : {&row.user, &row.full_name, &row.meaning}) {
    text += std::to_string(field->size()) + ":" + *field + "\n";
  }
  text += std::to_string(row.signed_at.ms) + "\n";
  return HmacSha256(mark_key, AsBytes(text));
}

}  // namespace

Status SignatureTable::Insert(const SignatureRow& row, BytesView mark_key) {
  Statement statement = database_.Prepare(
      "INSERT INTO signature (revision_id, user, full_name, meaning, signed_at_ms, mac) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)");
  const Digest mac = MacOf(row, mark_key);
  statement.Bind(1, row.revision.view())
      .Bind(2, std::string_view(row.user))
      .Bind(3, std::string_view(row.full_name))
      .Bind(4, std::string_view(row.meaning))
      .Bind(5, row.signed_at.ms)
      .Bind(6, BytesView(mac));
  EDCSYNC_TRY(statement.Run());
  return Ok();
}

Result<std::vector<SignatureRow>> SignatureTable::Of(const RevisionId& revision,
                                                     BytesView mark_key) {
  Statement statement = database_.Prepare(
      "SELECT user, full_name, meaning, signed_at_ms, mac FROM signature WHERE revision_id = ?1 "
      "ORDER BY signature_rowid");
  statement.Bind(1, revision.view());
  std::vector<SignatureRow> rows;
  while (true) {
    EDCSYNC_ASSIGN(const bool found, statement.Step());
    if (!found) return rows;
    SignatureRow row{revision, TextAt(statement, 0), TextAt(statement, 1), TextAt(statement, 2),
                     WallTime{statement.Int(3)}};
    row.valid = EqualInConstantTime(MacOf(row, mark_key), FixedBytes<Digest>(statement, 4));
    rows.push_back(std::move(row));
  }
}

}  // namespace edcsync::central
