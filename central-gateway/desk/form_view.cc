#include "central-gateway/desk/form_view.h"

#include "shared/model/value_check.h"

namespace edcsync::central {
namespace {

const ItemDef* DefinitionOf(const FormContext& form, const ItemOID& item) {
  return form.definition == nullptr ? nullptr : form.definition->items.Find(item.str());
}

const CodeListDef* CodeListOf(const FormContext& form, const ItemOID& item) {
  const ItemDef* definition = DefinitionOf(form, item);
  if (definition == nullptr || definition->code_list_oid.empty()) return nullptr;
  return form.definition->code_lists.Find(definition->code_list_oid);
}

std::string UnitOf(const FormContext& form, const ItemOID& item) {
  const ItemDef* definition = DefinitionOf(form, item);
  if (definition == nullptr || definition->measurement_unit_oids.empty()) return "";
  const MeasurementUnitDef* unit =
      form.definition->measurement_units.Find(definition->measurement_unit_oids.front());
  if (unit == nullptr) return "";
  const std::string_view symbol = TextIn(unit->symbol, form.viewer.language);
  return symbol.empty() ? unit->name : std::string(symbol);
}

Json CodesJson(const FormContext& form, const ItemOID& item) {
  Json codes = Json::array();
  const CodeListDef* list = CodeListOf(form, item);
  if (list == nullptr || list->external) return codes;
  for (const CodedValue& code : list->values) {
    const std::string_view text = TextIn(code.decode, form.viewer.language);
    codes.push_back({{"value", code.value}, {"text", text.empty() ? code.value : text}});
  }
  return codes;
}

Json ItemJson(const FormContext& form, const ItemPath& path, const FormItems* ancestor,
              const std::vector<FormColumn>& columns) {
  const ItemDef* definition = DefinitionOf(form, path.item);
  const ItemState before = ancestor == nullptr ? ItemState{} : StateAt(*ancestor, path);
  Json item;
  item["path"] = ToString(path);
  item["itemOID"] = path.item.str();
  item["question"] = QuestionOf(form, path.item);
  item["dataType"] = definition == nullptr ? "text" : ToString(definition->data_type);
  item["unit"] = UnitOf(form, path.item);
  item["codeList"] = CodesJson(form, path.item);
  bool in_dispute = false;
  bool changed = false;
  Json values = Json::object();
  const ItemState first =
      columns.empty() ? ItemState{} : StateAt(*columns.front().items, path);
  for (const FormColumn& column : columns) {
    const ItemState state = StateAt(*column.items, path);
    in_dispute = in_dispute || !(state == first);
    changed = changed || (ancestor != nullptr && !(state == before));
    values[column.id.ToHex()] = ItemStateJson(form, path, state);
  }
  item["inDispute"] = in_dispute;
  item["changed"] = changed;
  item["blinded"] = form.Hides(path.item);
  item["ancestor"] = ItemStateJson(form, path, before);
  item["values"] = std::move(values);
  return item;
}

// The groups and items in the study's order, then those it does not know in the order of their
// keys; a repeating group once for each repeat that somebody filled in.
class PathOrder {
 public:
  PathOrder(const FormContext& form, const FormItems* ancestor,
            const std::vector<FormColumn>& columns) {
    if (ancestor != nullptr) Add(*ancestor);
    for (const FormColumn& column : columns) Add(*column.items);
    const FormDef* defined =
        form.definition == nullptr ? nullptr : form.definition->forms.Find(form.key.form.str());
    if (defined != nullptr) {
      for (const DefinitionRef& group : defined->item_groups) {
        Defined(*form.definition, group.oid);
      }
    }
    Rest();
  }
  const std::vector<std::pair<ItemGroupKey, std::vector<ItemOID>>>& groups() const {
    return groups_;
  }

 private:
  void Add(const FormItems& items) {
    for (const auto& [group, held] : items) {
      for (const auto& [item, value] : held) left_[group].insert(item);
    }
  }
  void Defined(const StudyDefinition& study, const std::string& oid) {
    const ItemGroupDef* group = study.item_groups.Find(oid);
    if (group == nullptr) return;
    std::vector<ItemGroupKey> repeats;
    for (const auto& [key, items] : left_) {
      if (key.oid.str() == oid) repeats.push_back(key);
    }
    if (repeats.empty()) repeats.push_back({ItemGroupOID(oid), RepeatKey("1")});
    for (const ItemGroupKey& key : repeats) {
      std::vector<ItemOID> items;
      for (const DefinitionRef& ref : group->items) {
        items.emplace_back(ref.oid);
        left_[key].erase(items.back());
      }
      items.insert(items.end(), left_[key].begin(), left_[key].end());
      left_.erase(key);
      groups_.emplace_back(key, std::move(items));
    }
  }
  void Rest() {
    for (const auto& [key, items] : left_) {
      groups_.emplace_back(key, std::vector<ItemOID>(items.begin(), items.end()));
    }
  }

  std::map<ItemGroupKey, std::set<ItemOID>> left_;
  std::vector<std::pair<ItemGroupKey, std::vector<ItemOID>>> groups_;
};

std::string WithRepeat(std::string name, const RepeatKey& repeat) {
  if (repeat.str() != "1") name += " (" + repeat.str() + ")";
  return name;
}

}  // namespace

bool FormContext::Hides(const ItemOID& item) const {
  return study != nullptr && study->blinded_items.contains(item) &&
         !Covers(viewer.unblinded, key.study, site);
}

FormContext MakeFormContext(const Viewer& viewer, const Catalogue& catalogue,
                            const RecordKey& key, const SiteOID& site,
                            const MetaDataVersionOID& version) {
  const auto found = catalogue.find(key.study);
  if (found == catalogue.end()) return {viewer, nullptr, nullptr, key, site};
  return {viewer, &found->second, &found->second.Definition(version), key, site};
}

Json GroupsJson(const FormContext& form, const FormItems* ancestor,
                const std::vector<FormColumn>& columns) {
  Json groups = Json::array();
  const PathOrder order(form, ancestor, columns);
  for (const auto& [key, items] : order.groups()) {
    const ItemGroupDef* definition =
        form.definition == nullptr ? nullptr : form.definition->item_groups.Find(key.oid.str());
    Json group;
    group["itemGroupOID"] = key.oid.str();
    group["repeatKey"] = key.repeat.str();
    group["name"] = definition == nullptr ? key.oid.str() : definition->name;
    group["items"] = Json::array();
    for (const ItemOID& item : items) {
      group["items"].push_back(ItemJson(form, {key, item}, ancestor, columns));
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

Json ItemStateJson(const FormContext& form, const ItemPath& path, const ItemState& state) {
  Json json{{"present", state.present}, {"value", nullptr}, {"text", nullptr},
            {"nonconformance", nullptr}};
  if (form.Hides(path.item)) {
    json["blinded"] = true;
    return json;
  }
  if (!state.present || !state.value) return json;
  json["value"] = *state.value;
  const CodeListDef* list = CodeListOf(form, path.item);
  const CodedValue* code = list == nullptr ? nullptr : list->values.Find(*state.value);
  if (code != nullptr) {
    const std::string_view text = TextIn(code->decode, form.viewer.language);
    if (!text.empty()) json["text"] = text;
  }
  if (form.definition != nullptr) {
    const auto why = Nonconformance(*form.definition, path.item.str(), *state.value);
    if (why) json["nonconformance"] = *why;
  }
  return json;
}

std::string QuestionOf(const FormContext& form, const ItemOID& item) {
  const ItemDef* definition = DefinitionOf(form, item);
  if (definition == nullptr) return item.str();
  const std::string_view question = TextIn(definition->question, form.viewer.language);
  if (!question.empty()) return std::string(question);
  return definition->name.empty() ? item.str() : definition->name;
}

Json EventJson(const FormContext& form) {
  const std::string& oid = form.key.event.str();
  const StudyEventDef* event =
      form.definition == nullptr ? nullptr : form.definition->study_events.Find(oid);
  return {{"oid", oid},
          {"name", WithRepeat(event == nullptr ? oid : event->name, form.key.event_repeat)}};
}

Json FormJson(const FormContext& form) {
  const std::string& oid = form.key.form.str();
  const FormDef* definition =
      form.definition == nullptr ? nullptr : form.definition->forms.Find(oid);
  return {{"oid", oid},
          {"name", WithRepeat(definition == nullptr ? oid : definition->name,
                              form.key.form_repeat)}};
}

Result<RevisionRow> GetRevision(CentralReader& reader, const RevisionId& id) {
  EDCSYNC_ASSIGN(std::optional<RevisionRow> row, reader.FindRevision(id));
  if (!row) return Fail(ErrorCode::kInvariant, "Revision " + id.ToHex() + " is not stored");
  return std::move(*row);
}

Result<Json> RevisionMetaJson(CentralReader& reader, const RevisionRow& row) {
  EDCSYNC_ASSIGN(const std::vector<SignatureRow> signatures, reader.SignaturesOf(row.known.id));
  const Revision& revision = row.known.revision;
  Json json;
  json["revisionId"] = row.known.id.ToHex();
  json["version"] = revision.version;
  json["parents"] = Json::array();
  for (const RevisionId& parent : revision.parents) json["parents"].push_back(parent.ToHex());
  json["origin"] = ToString(revision.origin);
  json["user"] = revision.user;
  json["edgeId"] = revision.edge.str();
  json["editedAt"] = FormatLocal({revision.edited_at.ms}, revision.utc_offset_minutes);
  json["receivedAt"] = FormatUtc(row.received_at);
  json["reasonForChange"] = revision.reason_for_change;
  json["clockDriftMs"] = revision.clock_drift_ms ? Json(*revision.clock_drift_ms) : Json(nullptr);
  json["clockSuspect"] = row.clock_suspect;
  json["removed"] = revision.removed;
  if (!signatures.empty()) json["signature"] = SignatureJson(signatures.back());
  return json;
}

Json SignatureJson(const SignatureRow& signature) {
  return {{"user", signature.user},
          {"fullName", signature.full_name},
          {"meaning", signature.meaning},
          {"signedAt", FormatUtc(signature.signed_at)},
          {"valid", signature.valid}};
}

}  // namespace edcsync::central
