#include "central-gateway/people/sessions.h"

#include <array>

#include "central-gateway/people/accounts.h"
#include "shared/base/log.h"
#include "shared/crypto/digest.h"

namespace edcsync::central {
namespace {

constexpr std::size_t kTokenBytes = 32;

tl::unexpected<Error> Refused() {
  return Fail(ErrorCode::kUnauthorized,
              "name or password is wrong, or the account rests after wrong passwords");
}

tl::unexpected<Error> NoSession() {
  return Fail(ErrorCode::kUnauthorized, "there is no such session, or it has ended");
}

Digest PasswordOf(const AccountRow& account) { return Sha256(AsBytes(account.password_hash)); }

// Of which link it is, not of its subject: the first log-in binds that and ends no session.
Digest LinkOf(const AccountRow& account) {
  if (!account.identity) return Digest{};
  const IdentityRow& link = *account.identity;
  return Sha256(AsBytes(link.issuer + "\n" + link.name + "\n" + std::to_string(link.linked_at.ms)));
}

// Why a session of the account as it was then does not go on; nullptr: it does.
const char* WhyClosed(const std::optional<AccountRow>& account, const Digest& password,
                      const Digest& link) {
  if (!account || !account->active) return "not_active";
  if (PasswordOf(*account) != password) return "password_changed";
  return LinkOf(*account) == link ? nullptr : "link_changed";
}

}  // namespace

// What is not as long as a token has the key of no session.
Digest Sessions::KeyOf(std::string_view token) {
  return token.size() == 2 * kTokenBytes ? Sha256(AsBytes(token)) : Digest{};
}

bool SessionView::FitsCsrf(std::string_view csrf) const {
  return !csrf_token.empty() && EqualInConstantTime(AsBytes(csrf_token), AsBytes(csrf));
}

Sessions::Sessions(CentralStore& store, PasswordHasher& hasher, const Clock& clock, Random& random,
                   SessionOptions options)
    : store_(store),
      hasher_(hasher),
      clock_(clock),
      random_(random),
      options_(options),
      limits_(options.limits, clock.Mono()) {}

std::string Sessions::NewToken() {
  std::array<std::uint8_t, kTokenBytes> bytes{};
  random_.Fill(bytes);
  return ToHex(bytes);
}

SessionView Sessions::ViewOf(const Session& session) const {
  SessionView view;
  view.csrf_token = session.csrf_token;
  view.user = session.user;
  view.full_name = session.full_name;
  view.rights = session.rights;
  view.must_change_password = session.must_change_password;
  view.idle_ms_max = options_.idle_ms_max;
  view.seen_by_provider = session.seen_by_provider;
  return view;
}

void Sessions::Learn(Session& session, const AccountRow& account) {
  session.user = account.user;
  session.full_name = account.full_name;
  session.rights = Rights(account.rights);
  // Who logs in by a provider does not need the password that they have here.
  session.must_change_password = account.must_change_password && !session.seen_by_provider;
  session.generation = account.credential_generation;
  session.password = PasswordOf(account);
  session.link = LinkOf(account);
}

const char* Sessions::WhyOver(const Session& session, MonoTime now) const {
  if (now.us - session.used_at.us >= options_.idle_ms_max * 1000) return "idle";
  if (now.us - session.opened_at.us >= options_.age_ms_max * 1000) return "age";
  return nullptr;
}

void Sessions::Tell(const std::vector<Ended>& ended) {
  if (ended.empty()) return;
  const Status told = store_.Write([&](CentralWriter& writer) -> Status {
    for (const Ended& session : ended) {
      EDCSYNC_TRY(writer.AppendAudit(session.user, "session.closed", session.user,
                                     std::string("reason=") + session.reason));
    }
    return Ok();
  });
  if (!told.ok()) {
    Log(LogLevel::kWarn, "people.session_end_not_audited", {{"error", told.error().ToString()}});
  }
}

void Sessions::MakeRoom(const std::string& user, MonoTime now, std::vector<Ended>& ended) {
  std::erase_if(sessions_, [&](const auto& entry) {
    const char* reason = WhyOver(entry.second, now);
    if (reason != nullptr) ended.push_back({entry.second.user, reason});
    return reason != nullptr;
  });
  auto oldest = sessions_.end();
  auto oldest_of_account = sessions_.end();
  std::size_t count_of_account = 0;
  const auto is_older = [&](auto a, auto b) {
    return b == sessions_.end() || a->second.number < b->second.number;
  };
  for (auto entry = sessions_.begin(); entry != sessions_.end(); ++entry) {
    if (is_older(entry, oldest)) oldest = entry;
    if (entry->second.user != user) continue;
    ++count_of_account;
    if (is_older(entry, oldest_of_account)) oldest_of_account = entry;
  }
  auto leaving = sessions_.end();
  if (sessions_.size() >= options_.count_max) leaving = oldest;
  if (count_of_account >= options_.count_of_account_max) leaving = oldest_of_account;
  if (leaving == sessions_.end()) return;
  ended.push_back({leaving->second.user, "too_many"});
  sessions_.erase(leaving);
}

SessionView Sessions::Keep(Session session) {
  const std::string token = NewToken();
  session.csrf_token = NewToken();
  session.used_at = clock_.Mono();
  SessionView view = ViewOf(session);
  view.token = token;
  std::vector<Ended> ended;
  {
    const std::lock_guard lock(mutex_);
    MakeRoom(session.user, session.used_at, ended);
    session.number = ++last_number_;
    sessions_.emplace(KeyOf(token), std::move(session));
  }
  Tell(ended);
  return view;
}

SessionView Sessions::Renew(Session session, const AccountRow& account) {
  std::vector<Ended> ended;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(sessions_, [&](const auto& entry) {
      if (entry.second.user != account.user) return false;
      if (entry.second.number != session.number) {
        ended.push_back({account.user, "password_changed"});
      }
      return true;
    });
  }
  Tell(ended);
  Learn(session, account);
  return Keep(std::move(session));
}

Result<SessionView> Sessions::LogIn(const std::string& user, std::string_view password,
                                    const std::string& address) {
  EDCSYNC_TRY(limits_.Take(address, clock_.Mono()));
  EDCSYNC_ASSIGN(const Authenticated outcome,
                 Authenticate(store_, hasher_,
                              {user, password, address, Purpose::kLogIn,
                               options_.linked_accounts_use_passwords}));
  if (outcome.verdict != Verdict::kRight) return Refused();
  Session session;
  session.address = address;
  session.opened_at = clock_.Mono();
  session.remembered = Remember(password, outcome.account);
  Learn(session, outcome.account);
  return Keep(std::move(session));
}

RememberedPassword Sessions::Remember(std::string_view password, const AccountRow& account) {
  Result<std::string> hash = hasher_.HashForMemory(password);
  if (!hash.ok()) return {};
  return {PasswordOf(account), *std::move(hash)};
}

SessionView Sessions::Open(const AccountRow& account, WallTime seen_by_provider,
                           const std::string& address) {
  Session session;
  session.address = address;
  session.opened_at = clock_.Mono();
  session.seen_by_provider = seen_by_provider;
  Learn(session, account);
  return Keep(std::move(session));
}

void Sessions::NoteSeen(const Digest& key, WallTime at) {
  const std::lock_guard lock(mutex_);
  if (const auto entry = sessions_.find(key); entry != sessions_.end()) {
    entry->second.seen_by_provider = at;
  }
}

std::optional<Sessions::Session> Sessions::Take(const Digest& key, Use use) {
  std::vector<Ended> ended;
  std::optional<Session> session;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = sessions_.find(key);
    if (entry == sessions_.end()) return std::nullopt;
    const MonoTime now = clock_.Mono();
    if (const char* reason = WhyOver(entry->second, now); reason != nullptr) {
      ended.push_back({entry->second.user, reason});
      sessions_.erase(entry);
    } else {
      if (use == Use::kUse) entry->second.used_at = now;
      session = entry->second;
    }
  }
  Tell(ended);
  return session;
}

Result<Sessions::Session> Sessions::Current(const Digest& key, Use use) {
  std::optional<Session> session = Take(key, use);
  if (!session) return NoSession();
  std::optional<std::uint64_t> generation;
  std::optional<AccountRow> account;
  EDCSYNC_TRY(store_.Read([&](CentralReader& reader) -> Status {
    EDCSYNC_ASSIGN(generation, reader.CredentialGeneration(session->user));
    if (generation == session->generation) return Ok();
    EDCSYNC_ASSIGN(account, reader.FindAccount(session->user));
    return Ok();
  }));
  if (generation == session->generation) return *std::move(session);
  if (const char* reason = WhyClosed(account, session->password, session->link)) {
    Close(key, reason);
    return NoSession();
  }
  Learn(*session, *account);
  const std::lock_guard lock(mutex_);
  if (const auto entry = sessions_.find(key);
      entry != sessions_.end() && entry->second.generation < session->generation) {
    Learn(entry->second, *account);
  }
  return *std::move(session);
}

Result<SessionView> Sessions::Find(std::string_view token, Use use) {
  EDCSYNC_ASSIGN(const Session session, Current(KeyOf(token), use));
  return ViewOf(session);
}

Result<SessionView> Sessions::FindByKey(const Digest& key) {
  EDCSYNC_ASSIGN(const Session session, Current(key, Use::kNoUse));
  return ViewOf(session);
}

Status Sessions::Verify(const Digest& key, const Session& session, std::string_view password) {
  EDCSYNC_ASSIGN(const Authenticated outcome,
                 Authenticate(store_, hasher_,
                              {session.user, password, session.address, Purpose::kSignature,
                               options_.linked_accounts_use_passwords, session.remembered}));
  switch (outcome.verdict) {
    case Verdict::kRight:
      if (session.remembered.of != PasswordOf(outcome.account)) {
        RememberedPassword remembered = Remember(password, outcome.account);
        const std::lock_guard lock(mutex_);
        const auto entry = sessions_.find(key);
        if (entry != sessions_.end()) entry->second.remembered = std::move(remembered);
      }
      return Ok();
    case Verdict::kWrong:
      return Fail(ErrorCode::kUnauthorized, "the password is wrong");
    case Verdict::kLockedNow:
      Close(key, "locked");
      return Fail(ErrorCode::kUnauthorized,
                  "the password is wrong too many times in a row: the session has ended");
    case Verdict::kLocked:
      break;
  }
  return Fail(ErrorCode::kTooManyAttempts, "the account rests after too many wrong passwords");
}

Status Sessions::Reauthenticate(std::string_view token, std::string_view password) {
  EDCSYNC_ASSIGN(const Session session, Current(KeyOf(token), Use::kUse));
  return Verify(KeyOf(token), session, password);
}

Result<SessionView> Sessions::ChangePassword(std::string_view token, std::string_view current,
                                             std::string_view password) {
  EDCSYNC_ASSIGN(Session session, Current(KeyOf(token), Use::kUse));
  EDCSYNC_TRY(Verify(KeyOf(token), session, current));
  EDCSYNC_ASSIGN(const AccountRow account,
                 central::ChangePassword(store_, hasher_, session.user, password));
  return Renew(std::move(session), account);
}

void Sessions::Close(const Digest& key, const char* reason) {
  std::vector<Ended> ended;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = sessions_.find(key);
    if (entry == sessions_.end()) return;
    ended.push_back({entry->second.user, reason});
    sessions_.erase(entry);
  }
  Tell(ended);
}

void Sessions::End(std::string_view token) { Close(KeyOf(token), "logged_out"); }

std::size_t Sessions::count() const {
  const std::lock_guard lock(mutex_);
  return sessions_.size();
}

}  // namespace edcsync::central
