// Revisions and their items as the desk's API shows them: with the study's labels, units and code
// list texts, and with blinded values left out (schema/api/central-gateway.openapi.yaml: Revision,
// ItemGroup, Item, ItemState).
//
//   used by   central-gateway/desk only
#pragma once

#include <nlohmann/json.hpp>

#include "central-gateway/desk/study_catalogue.h"
#include "central-gateway/desk/viewer.h"
#include "shared/base/json.h"

namespace edcsync::central {

// Whose form is shown, to whom.
struct FormContext {
  const Viewer& viewer;
  const CatalogueStudy* study;        // nullptr: no definition was imported.
  const StudyDefinition* definition;  // nullptr likewise.
  RecordKey key;
  SiteOID site;

  bool Hides(const ItemOID& item) const;
};
// `version` is the metadata version of the revision that counts.
FormContext MakeFormContext(const Viewer& viewer, const Catalogue& catalogue, const RecordKey& key,
                            const SiteOID& site, const MetaDataVersionOID& version);

// One column of the comparison.
struct FormColumn {
  RevisionId id;
  const FormItems* items;
};

// Every item that the form defines or a column holds. `ancestor` may be nullptr. An item is in
// dispute if the columns do not agree, changed if one differs from the ancestor.
Json GroupsJson(const FormContext& form, const FormItems* ancestor,
                const std::vector<FormColumn>& columns);

Json ItemStateJson(const FormContext& form, const ItemPath& path, const ItemState& state);
// The study's question for an item, else its name, else its OID.
std::string QuestionOf(const FormContext& form, const ItemOID& item);

// {"oid","name"} of the record's event and form; the name has the repeat key if it is beyond 1.
Json EventJson(const FormContext& form);
Json FormJson(const FormContext& form);

// What a conflict, record or parent names; kInvariant if it is not stored.
Result<RevisionRow> GetRevision(CentralReader& reader, const RevisionId& id);
// Who, when, where and why, without items, and the last signature given for it.
Result<Json> RevisionMetaJson(CentralReader& reader, const RevisionRow& row);
Json SignatureJson(const SignatureRow& signature);

}  // namespace edcsync::central
