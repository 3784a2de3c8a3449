#include "shared/keys/pkcs11_token.h"

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <string.h>  // explicit_bzero

#include <algorithm>
#include <array>
#include <mutex>

namespace edcsync {
namespace {

constexpr std::size_t kGcmNonceBytes = 12;
constexpr std::size_t kGcmTagBytes = 16;
constexpr CK_ULONG kSlotCountMax = 1024;
constexpr CK_ULONG kKeyCountMax = 256;

std::string Told(CK_RV rv) { return p11_kit_strerror(rv); }

// The session or the token went; what was asked may do again after a new log-in.
bool IsGone(CK_RV rv) {
  return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED ||
         rv == CKR_DEVICE_REMOVED || rv == CKR_USER_NOT_LOGGED_IN || rv == CKR_TOKEN_NOT_PRESENT ||
         rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_KEY_HANDLE_INVALID;
}

// Texts in PKCS#11 structures are padded with spaces.
template <std::size_t N>
std::string Unpadded(const unsigned char (&text)[N]) {
  std::string out(text, text + N);
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

template <class T>
CK_ATTRIBUTE Attribute(CK_ATTRIBUTE_TYPE type, T& value) {
  return {type, &value, sizeof value};
}

CK_ATTRIBUTE Attribute(CK_ATTRIBUTE_TYPE type, std::string& value) {
  return {type, value.data(), static_cast<CK_ULONG>(value.size())};
}

std::string AdviceOnTries(CK_FLAGS flags, const std::string& token) {
  if ((flags & CKF_USER_PIN_LOCKED) != 0) {
    return "the PIN of token " + token + " is locked: have the token's security officer set it anew";
  }
  if ((flags & (CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW)) == 0) return {};
  return std::string((flags & CKF_USER_PIN_FINAL_TRY) != 0 ? "one try is left for the PIN of token "
                                                           : "the last PIN given to token ") +
         token + ((flags & CKF_USER_PIN_FINAL_TRY) != 0 ? "" : " was wrong") +
         "; so that no try is burnt, this program gives none by itself: correct the PIN where "
         "[keys] says, then run `key status --try-pin` once";
}

class TokenKey final : public WrappingKey {
 public:
  TokenKey(std::shared_ptr<Pkcs11Token> token, const KeyId& id)
      : token_(std::move(token)), id_(id) {}
  const KeyId& id() const override { return id_; }
  std::string Where() const override { return token_->Where(); }
  Result<Bytes> Wrap(BytesView data_key, BytesView additional, Random& random) override {
    Bytes wrapped(kGcmNonceBytes);
    random.Fill(wrapped);
    EDCSYNC_ASSIGN(const Bytes sealed, token_->Encrypt(id_, wrapped, data_key, additional));
    Append(wrapped, sealed);
    return wrapped;
  }
  Result<Bytes> Unwrap(BytesView wrapped, BytesView additional) override {
    if (wrapped.size() < kGcmNonceBytes + kGcmTagBytes) {
      return Fail(ErrorCode::kKeyWrong, "it is too short to be a wrapped key");
    }
    return token_->Decrypt(id_, wrapped.first(kGcmNonceBytes), wrapped.subspan(kGcmNonceBytes),
                           additional);
  }

 private:
  const std::shared_ptr<Pkcs11Token> token_;
  const KeyId id_;
};

}  // namespace

struct Pkcs11Token::Impl {
  Pkcs11Settings settings;
  std::string pin;
  CK_FUNCTION_LIST* library = nullptr;
  bool initialized = false;
  std::mutex mutex;  // Of all below: a session does one thing at a time.
  CK_SESSION_HANDLE session = CK_INVALID_HANDLE;
  bool pin_refused = false;  // Never given again.

  ~Impl();
  Status Load();
  Result<CK_SLOT_ID> FindSlot();
  Status CheckTries(CK_SLOT_ID slot);
  Status LogIn();  // Opens a session.
  Status Refused(CK_RV rv);
  void CloseSession();
  // Runs `use` in a session, once more in a new one if the token had gone.
  template <class Use>
  CK_RV InSession(Status& status, const Use& use);
  CK_RV FindObjects(std::vector<CK_ATTRIBUTE> wanted, std::vector<CK_OBJECT_HANDLE>& found);
  CK_RV FindKey(const KeyId& id, CK_OBJECT_HANDLE& key);
};

Pkcs11Token::Impl::~Impl() {
  CloseSession();
  if (initialized) p11_kit_module_finalize(library);
  if (library != nullptr) p11_kit_module_release(library);
  explicit_bzero(pin.data(), pin.size());
}

void Pkcs11Token::Impl::CloseSession() {
  if (session != CK_INVALID_HANDLE) library->C_CloseSession(session);
  session = CK_INVALID_HANDLE;
}

Status Pkcs11Token::Impl::Load() {
  p11_kit_be_quiet();  // What is wrong is told by us.
  library = p11_kit_module_load(settings.module.c_str(), 0);
  if (library == nullptr) {
    const char* why = p11_kit_message();
    return Fail(ErrorCode::kToken, "cannot load the PKCS#11 library " + settings.module + ": " +
                                       (why == nullptr ? "it is none" : why) +
                                       "; correct [keys] pkcs11_module");
  }
  const CK_RV rv = p11_kit_module_initialize(library);
  initialized = rv == CKR_OK;
  if (initialized) return Ok();
  return Fail(ErrorCode::kToken,
              "the PKCS#11 library " + settings.module + " does not start: " + Told(rv));
}

Result<CK_SLOT_ID> Pkcs11Token::Impl::FindSlot() {
  CK_ULONG count = 0;
  CK_RV rv = library->C_GetSlotList(CK_TRUE, nullptr, &count);
  std::vector<CK_SLOT_ID> slots(std::min(count, kSlotCountMax));
  count = slots.size();
  if (rv == CKR_OK && count > 0) rv = library->C_GetSlotList(CK_TRUE, slots.data(), &count);
  if (rv != CKR_OK) {
    return Fail(ErrorCode::kToken, settings.module + " lists no tokens: " + Told(rv));
  }
  std::string others;
  std::vector<CK_SLOT_ID> fitting;
  for (CK_ULONG i = 0; i < count; ++i) {
    CK_TOKEN_INFO info{};
    if (library->C_GetTokenInfo(slots[i], &info) != CKR_OK) continue;
    if (Unpadded(info.label) == settings.token) {
      fitting.push_back(slots[i]);
    } else if ((info.flags & CKF_TOKEN_INITIALIZED) != 0) {
      others += (others.empty() ? " (there are: " : ", ") + Unpadded(info.label);
    }
  }
  if (fitting.size() == 1) return fitting.front();
  if (fitting.size() > 1) {
    return Fail(ErrorCode::kToken, "two tokens of " + settings.module + " have the label " +
                                       settings.token + ": rename one");
  }
  return Fail(ErrorCode::kToken, settings.module + " has no token " + settings.token +
                                     (others.empty() ? "" : others + ")") +
                                     ": insert or connect it, or correct [keys] pkcs11_token");
}

Status Pkcs11Token::Impl::CheckTries(CK_SLOT_ID slot) {
  CK_TOKEN_INFO info{};
  const CK_RV rv = library->C_GetTokenInfo(slot, &info);
  if (rv != CKR_OK) return Fail(ErrorCode::kToken, "the token does not answer: " + Told(rv));
  if ((info.flags & CKF_USER_PIN_INITIALIZED) == 0) {
    return Fail(ErrorCode::kPin, "token " + settings.token + " has no user PIN yet: set one");
  }
  const std::string advice = AdviceOnTries(info.flags, settings.token);
  const bool locked = (info.flags & CKF_USER_PIN_LOCKED) != 0;
  if (advice.empty() || (settings.try_pin_again && !locked)) return Ok();
  return Fail(ErrorCode::kPin, advice);
}

Status Pkcs11Token::Impl::Refused(CK_RV rv) {
  CloseSession();
  const std::string token = "token " + settings.token;
  switch (rv) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
      pin_refused = true;
      return Fail(ErrorCode::kPin, token + " refuses the PIN; it is not given again by itself: "
                                           "correct it where [keys] says, then run "
                                           "`key status --try-pin` once");
    case CKR_PIN_LOCKED:
    case CKR_PIN_EXPIRED:
      pin_refused = true;
      return Fail(ErrorCode::kPin, "the PIN of " + token + " is locked or has expired: have the "
                                                           "token's security officer set it anew");
    default: return Fail(ErrorCode::kToken, token + " does not let us log in: " + Told(rv));
  }
}

Status Pkcs11Token::Impl::LogIn() {
  if (pin_refused) return Fail(ErrorCode::kPin, "token " + settings.token + " refused the PIN");
  EDCSYNC_ASSIGN(const CK_SLOT_ID slot, FindSlot());
  EDCSYNC_TRY(CheckTries(slot));
  CK_RV rv = library->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, nullptr, nullptr,
                                    &session);
  if (rv != CKR_OK) {
    session = CK_INVALID_HANDLE;
    return Fail(ErrorCode::kToken, "token " + settings.token + " opens no session: " + Told(rv));
  }
  rv = library->C_Login(session, CKU_USER, reinterpret_cast<unsigned char*>(pin.data()),
                        static_cast<CK_ULONG>(pin.size()));
  if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN) return Ok();
  return Refused(rv);
}

template <class Use>
CK_RV Pkcs11Token::Impl::InSession(Status& status, const Use& use) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (session == CK_INVALID_HANDLE) {
      status = LogIn();
      if (!status.ok()) return CKR_OK;
    }
    const CK_RV rv = use();
    if (!IsGone(rv)) return rv;
    CloseSession();
  }
  status = Fail(ErrorCode::kToken, "token " + settings.token + " went away");
  return CKR_OK;
}

CK_RV Pkcs11Token::Impl::FindObjects(std::vector<CK_ATTRIBUTE> wanted,
                                     std::vector<CK_OBJECT_HANDLE>& found) {
  CK_OBJECT_CLASS type = CKO_SECRET_KEY;
  CK_KEY_TYPE kind = CKK_AES;
  wanted.push_back(Attribute(CKA_CLASS, type));
  wanted.push_back(Attribute(CKA_KEY_TYPE, kind));
  CK_RV rv = library->C_FindObjectsInit(session, wanted.data(),
                                        static_cast<CK_ULONG>(wanted.size()));
  if (rv != CKR_OK) return rv;
  found.resize(kKeyCountMax);
  CK_ULONG count = 0;
  rv = library->C_FindObjects(session, found.data(), kKeyCountMax, &count);
  library->C_FindObjectsFinal(session);
  found.resize(rv == CKR_OK ? count : 0);
  return rv;
}

CK_RV Pkcs11Token::Impl::FindKey(const KeyId& id, CK_OBJECT_HANDLE& key) {
  auto bytes = id.bytes;
  std::vector<CK_OBJECT_HANDLE> found;
  const CK_RV rv = FindObjects({Attribute(CKA_ID, bytes)}, found);
  key = rv == CKR_OK && found.size() == 1 ? found.front() : CK_INVALID_HANDLE;
  return rv;
}

Pkcs11Token::Pkcs11Token(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pkcs11Token::~Pkcs11Token() = default;

Result<std::shared_ptr<Pkcs11Token>> Pkcs11Token::Open(const Pkcs11Settings& settings,
                                                       std::string pin) {
  auto impl = std::make_unique<Impl>();
  impl->settings = settings;
  impl->pin = std::move(pin);
  EDCSYNC_TRY(impl->Load());
  EDCSYNC_TRY(impl->LogIn());
  impl->settings.try_pin_again = false;  // That was the one try that a person asked for.
  return std::shared_ptr<Pkcs11Token>(new Pkcs11Token(std::move(impl)));
}

std::string Pkcs11Token::Where() const {
  return "token " + impl_->settings.token + ", label " + impl_->settings.label;
}

Result<std::vector<KeyId>> Pkcs11Token::Keys() {
  Impl& impl = *impl_;
  const std::lock_guard lock(impl.mutex);
  std::vector<KeyId> ids;
  Status status = Ok();
  const CK_RV rv = impl.InSession(status, [&] {
    std::vector<CK_OBJECT_HANDLE> found;
    const CK_RV listed = impl.FindObjects({Attribute(CKA_LABEL, impl.settings.label)}, found);
    ids.clear();
    for (const CK_OBJECT_HANDLE key : found) {
      KeyId id;
      CK_ATTRIBUTE asked = Attribute(CKA_ID, id.bytes);
      const CK_RV read = impl.library->C_GetAttributeValue(impl.session, key, &asked, 1);
      if (read == CKR_OK && asked.ulValueLen == id.bytes.size()) ids.push_back(id);
    }
    return listed;
  });
  EDCSYNC_TRY(status);
  if (rv != CKR_OK) return Fail(ErrorCode::kToken, Where() + ": " + Told(rv));
  return ids;
}

Result<std::shared_ptr<WrappingKey>> Pkcs11Token::Find(const KeyId& id) {
  Impl& impl = *impl_;
  const std::lock_guard lock(impl.mutex);
  CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
  Status status = Ok();
  const CK_RV rv = impl.InSession(status, [&] { return impl.FindKey(id, key); });
  EDCSYNC_TRY(status);
  if (rv != CKR_OK) return Fail(ErrorCode::kToken, Where() + ": " + Told(rv));
  if (key == CK_INVALID_HANDLE) {
    return Fail(ErrorCode::kKeyWrong, "the data keys are wrapped by key " + id.ToHex() +
                                          ", and token " + impl.settings.token +
                                          " has no AES key of that id: use the token that has it");
  }
  return std::shared_ptr<WrappingKey>(std::make_shared<TokenKey>(shared_from_this(), id));
}

Result<std::shared_ptr<WrappingKey>> Pkcs11Token::Generate(Random& random) {
  Impl& impl = *impl_;
  KeyId id;
  random.Fill(id.bytes);
  CK_BBOOL yes = CK_TRUE;
  CK_BBOOL no = CK_FALSE;
  CK_ULONG bytes = 32;
  std::vector<CK_ATTRIBUTE> wanted = {
      Attribute(CKA_LABEL, impl.settings.label), Attribute(CKA_ID, id.bytes),
      Attribute(CKA_TOKEN, yes), Attribute(CKA_PRIVATE, yes), Attribute(CKA_SENSITIVE, yes),
      Attribute(CKA_EXTRACTABLE, no), Attribute(CKA_ENCRYPT, yes), Attribute(CKA_DECRYPT, yes),
      Attribute(CKA_WRAP, no), Attribute(CKA_UNWRAP, no), Attribute(CKA_VALUE_LEN, bytes)};
  {
    const std::lock_guard lock(impl.mutex);
    Status status = Ok();
    const CK_RV rv = impl.InSession(status, [&] {
      CK_MECHANISM mechanism = {CKM_AES_KEY_GEN, nullptr, 0};
      CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
      return impl.library->C_GenerateKey(impl.session, &mechanism, wanted.data(),
                                         static_cast<CK_ULONG>(wanted.size()), &key);
    });
    EDCSYNC_TRY(status);
    if (rv != CKR_OK) return Fail(ErrorCode::kToken, Where() + " makes no key: " + Told(rv));
  }
  return Find(id);
}

Result<Bytes> Pkcs11Token::Encrypt(const KeyId& id, BytesView nonce, BytesView plain,
                                   BytesView additional) {
  Impl& impl = *impl_;
  Bytes iv(nonce.begin(), nonce.end());
  Bytes bound(additional.begin(), additional.end());
  Bytes in(plain.begin(), plain.end());
  Bytes out(plain.size() + kGcmTagBytes);
  CK_ULONG written = static_cast<CK_ULONG>(out.size());
  const std::lock_guard lock(impl.mutex);
  Status status = Ok();
  const CK_RV rv = impl.InSession(status, [&]() -> CK_RV {
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_RV done = impl.FindKey(id, key);
    if (done != CKR_OK) return done;
    CK_GCM_PARAMS gcm = {iv.data(), iv.size(), iv.size() * 8, bound.data(), bound.size(),
                         kGcmTagBytes * 8};
    CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof gcm};
    done = impl.library->C_EncryptInit(impl.session, &mechanism, key);
    if (done != CKR_OK) return done;
    return impl.library->C_Encrypt(impl.session, in.data(), in.size(), out.data(), &written);
  });
  explicit_bzero(in.data(), in.size());
  EDCSYNC_TRY(status);
  if (rv != CKR_OK || written != out.size()) {
    return Fail(ErrorCode::kToken, Where() + " does not wrap: " + Told(rv));
  }
  return out;
}

Result<Bytes> Pkcs11Token::Decrypt(const KeyId& id, BytesView nonce, BytesView sealed,
                                   BytesView additional) {
  Impl& impl = *impl_;
  Bytes iv(nonce.begin(), nonce.end());
  Bytes bound(additional.begin(), additional.end());
  Bytes in(sealed.begin(), sealed.end());
  Bytes out(sealed.size());
  CK_ULONG written = static_cast<CK_ULONG>(out.size());
  bool begun = false;
  const std::lock_guard lock(impl.mutex);
  Status status = Ok();
  const CK_RV rv = impl.InSession(status, [&]() -> CK_RV {
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_RV done = impl.FindKey(id, key);
    if (done != CKR_OK) return done;
    CK_GCM_PARAMS gcm = {iv.data(), iv.size(), iv.size() * 8, bound.data(), bound.size(),
                         kGcmTagBytes * 8};
    CK_MECHANISM mechanism = {CKM_AES_GCM, &gcm, sizeof gcm};
    done = impl.library->C_DecryptInit(impl.session, &mechanism, key);
    begun = done == CKR_OK;
    if (!begun) return done;
    return impl.library->C_Decrypt(impl.session, in.data(), in.size(), out.data(), &written);
  });
  EDCSYNC_TRY(status);
  if (rv == CKR_OK) {
    out.resize(written);
    return out;
  }
  // Once begun, a token tells a wrong tag by one of several codes.
  return Fail(begun ? ErrorCode::kKeyWrong : ErrorCode::kToken,
              "it does not open under key " + id.ToHex() + " of " + Where() + ": " + Told(rv));
}

}  // namespace edcsync
