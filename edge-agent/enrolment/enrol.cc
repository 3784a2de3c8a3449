#include "edge-agent/enrolment/enrol.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "edge-agent/enrolment/config_text.h"
#include "schema/config_templates.h"
#include "shared/base/file.h"
#include "shared/base/file_owner.h"
#include "shared/base/folders.h"
#include "shared/base/toml_file.h"
#include "shared/crypto/digest.h"

namespace edcsync::edge {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kConfigBytesMax = 1024 * 1024;

// What stands in the folder before.
struct Place {
  std::string config_file;
  std::string config;    // Its text; empty: there is none.
  std::string data;      // As it stands in the configuration.
  std::string data_dir;  // Absolute.
  TlsFiles tls;
  std::uint32_t mode = 0600;                     // Of the configuration, if there is one,
  std::optional<std::pair<uid_t, gid_t>> owner;  // and whose it is.
};

std::string Absolute(const std::string& config_file, const std::string& name) {
  return fs::absolute(fs::path(config_file).parent_path() / name).lexically_normal().string();
}

Result<Place> Survey(const std::string& config_file, const EdgeId& edge) {
  Place place;
  place.config_file = config_file;
  const std::string folder = fs::absolute(config_file).parent_path().string();
  place.data = DefaultDataFolder(folder, "edge-agent", "data");
  std::string tls[4];
  const char* const names[] = {"ca", "certificate", "key", "gateway"};
  Result<std::string> text = ReadFile(config_file, kConfigBytesMax);
  if (!text.ok() && text.error().code != ErrorCode::kNotFound) {
    return tl::unexpected<Error>(text.error());
  }
  if (text.ok()) {
    place.config = std::move(*text);
    EDCSYNC_ASSIGN(TomlFile toml, TomlFile::Parse(place.config, config_file));
    const std::string id = toml.Text("edge", "id", "");
    if (!id.empty() && id != edge.str()) {
      return Fail(ErrorCode::kAlreadyExists, config_file + " is that of edge " + id +
                                                 ", and the token is for " + edge.str() +
                                                 ". Enrol in another folder (--dir)");
    }
    place.data = toml.Text("edge", "data", place.data);
    for (int i = 0; i < 4; ++i) tls[i] = toml.Text("tls", names[i], "");
    struct stat found {};
    if (stat(config_file.c_str(), &found) == 0) {
      place.mode = found.st_mode & 0777U;
      place.owner = {found.st_uid, found.st_gid};
    }
  }
  const char* const files[] = {"ca.crt", "edge.crt", "edge.key", "gateway.crt"};
  for (int i = 0; i < 4; ++i) {
    if (tls[i].empty()) tls[i] = (fs::path(place.data) / "tls" / files[i]).string();
    tls[i] = Absolute(config_file, tls[i]);
  }
  place.tls = {tls[0], tls[1], tls[2], tls[3]};
  place.data_dir = Absolute(config_file, place.data);
  return place;
}

Status MakeFolders(const Place& place) {
  std::error_code error;
  fs::create_directories(fs::path(place.config_file).parent_path(), error);
  for (const std::string& folder :
       {place.data_dir, fs::path(place.tls.key).parent_path().string()}) {
    if (error) break;
    if (fs::is_directory(folder, error)) continue;
    fs::create_directories(folder, error);
    if (!error) fs::permissions(folder, fs::perms::owner_all, error);
    if (!error) EDCSYNC_TRY(GiveToFolderOwner(folder));
  }
  if (!error) return Ok();
  return Fail(ErrorCode::kIo,
              "Cannot make the folders of " + place.config_file + ": " + error.message());
}

// The key of this invitation: that of an earlier attempt, or a new one, which is kept from now on.
Result<PrivateKey> KeyOf(const wire::EnrolmentToken& token, const TlsFiles& files) {
  const std::string pending = files.Beside("enrol.key");
  const std::string mark = files.Beside("enrol.invitation");
  const std::string digest = ToHex(Sha256(AsBytes(token.secret))) + "\n";
  const Result<std::string> before = ReadFile(mark, 256);
  if (before.ok() && *before == digest) {
    for (const std::string& file : {pending, files.key}) {
      Result<PrivateKey> key = PrivateKey::Load(file);
      if (key.ok() || key.error().code != ErrorCode::kKeyMissing) return key;
    }
  }
  EDCSYNC_ASSIGN(PrivateKey key, PrivateKey::Generate());
  EDCSYNC_TRY(WriteIfChanged(pending, key.ToPem(), 0600));
  EDCSYNC_TRY(WriteIfChanged(mark, digest, 0600));
  return key;
}

// The authorities of the centre that invited, and of nobody else: by the fingerprint in the token
// it is known which certificate must stand behind the server, and only what comes from that server
// then is taken.
Result<std::vector<Certificate>> TrustedAuthorities(const wire::EnrolmentToken& token,
                                                    const std::string& pinned_file) {
  EstClient anybody({token.address, "", "", ""});
  EDCSYNC_ASSIGN(const std::vector<Certificate> offered, anybody.Authorities());
  const auto pinned =
      std::find_if(offered.begin(), offered.end(), [&](const Certificate& certificate) {
        return certificate.FingerprintHex() == token.ca_fingerprint;
      });
  if (pinned == offered.end()) {
    return Fail(ErrorCode::kCertificate,
                token.address +
                    " is not the centre that made this token: its authority has another "
                    "fingerprint. Somebody may be between here and the centre. Nothing was sent; "
                    "tell the centre, and enrol through another network");
  }
  EDCSYNC_TRY(WriteIfChanged(pinned_file, pinned->ToPem(), 0644));
  EstClient centre({token.address, pinned_file, "", ""});
  return centre.Authorities();
}

std::string ConfigWith(const Place& place, const wire::EnrolmentToken& token,
                       const CentreConfiguration& centre) {
  std::string text = place.config.empty() ? std::string(schema::EdgeConfigTemplate()) : place.config;
  const auto set = [&](const char* section, const char* key, const std::string& value) {
    text = WithTomlKey(text, section, key, value);
  };
  const auto relative = [&](const std::string& path) {
    const fs::path folder = fs::absolute(fs::path(place.config_file).parent_path());
    const fs::path from_here = fs::path(path).lexically_relative(folder.lexically_normal());
    const bool below = !from_here.empty() && *from_here.begin() != "..";
    return TomlText(below ? from_here.string() : path);
  };
  set("edge", "id", TomlText(centre.edge.str()));
  set("edge", "site", TomlText(centre.site.str()));
  set("edge", "data", TomlText(place.data));
  set("broker", "host", TomlText(centre.broker_host));
  set("broker", "port", std::to_string(centre.broker_port));
  set("tls", "ca", relative(place.tls.ca));
  set("tls", "certificate", relative(place.tls.certificate));
  set("tls", "key", relative(place.tls.key));
  set("tls", "gateway", relative(place.tls.gateway));
  set("enrolment", "address", TomlText(token.address));
  if (place.config.empty()) set("health", "port", "9465");
  return text;
}

}  // namespace

Status CheckOwnCertificate(const Certificate& certificate, const EdgeId& edge,
                           const PrivateKey& key, const std::vector<Certificate>& authorities,
                           WallTime now) {
  EDCSYNC_TRY(VerifyIssuedByAny(certificate, authorities, now));
  if (certificate.CommonName() == edge.str() && Belongs(key, certificate)) return Ok();
  return Fail(ErrorCode::kCertificate, "The centre sent a certificate for another edge or key");
}

Result<std::vector<Certificate>> GoodGateways(const std::vector<Certificate>& gateways,
                                              const std::vector<Certificate>& authorities,
                                              WallTime now) {
  std::vector<Certificate> good;
  for (const Certificate& gateway : gateways) {
    if (gateway.CommonName() != "gateway") {
      return Fail(ErrorCode::kCertificate, "The centre sent the certificate of '" +
                                               gateway.CommonName() + "' as its gateway's");
    }
    const Status verified = VerifyIssuedByAny(gateway, authorities, now);
    if (verified.ok()) {
      good.push_back(gateway);
    } else if (good.empty()) {
      return tl::unexpected<Error>(verified.error());
    }
  }
  return good;
}

Result<Enrolled> Enrol(const wire::EnrolmentToken& token, const std::string& config_file,
                       const Clock& clock) {
  EDCSYNC_ASSIGN(const Place place, Survey(config_file, token.edge));
  EDCSYNC_TRY(MakeFolders(place));
  const TlsFiles& files = place.tls;
  const std::string pinned_file = files.Beside("enrol-ca.crt");
  EDCSYNC_ASSIGN(const std::vector<Certificate> authorities,
                 TrustedAuthorities(token, pinned_file));
  EDCSYNC_ASSIGN(const PrivateKey key, KeyOf(token, files));
  EDCSYNC_ASSIGN(const Bytes request, CertificateRequest::Make(key, token.edge.str(), ""));
  EstClient centre({token.address, pinned_file, "", ""});
  EDCSYNC_ASSIGN(const Certificate certificate, centre.Enrol(token.edge, token.secret, request));
  EDCSYNC_TRY(CheckOwnCertificate(certificate, token.edge, key, authorities, clock.Wall()));
  EDCSYNC_TRY(ReplaceIdentity(files.pair(), key, certificate));
  EDCSYNC_TRY(WriteIfChanged(files.ca, ToPem(authorities), 0644));

  EstClient ours({token.address, files.ca, files.certificate, files.key});
  EDCSYNC_ASSIGN(const CentreConfiguration configuration, ours.Configuration());
  EDCSYNC_ASSIGN(const std::vector<Certificate> gateways,
                 GoodGateways(configuration.gateways, authorities, clock.Wall()));
  EDCSYNC_TRY(WriteIfChanged(files.gateway, ToPem(gateways), 0644));
  const std::string text = ConfigWith(place, token, configuration);
  if (place.owner) {
    EDCSYNC_TRY(WriteFile(config_file, text, place.mode, /*exclusive=*/false));
  } else {
    EDCSYNC_TRY(WriteConfigFor(place.data_dir, config_file, text));
  }
  if (place.owner && ::geteuid() == 0 &&
      ::lchown(config_file.c_str(), place.owner->first, place.owner->second) != 0) {
    return Fail(ErrorCode::kIo,
                "Cannot give " + config_file + " its owner: " + std::strerror(errno));
  }
  (void)::unlink(files.Beside("enrol.key").c_str());
  (void)::unlink(pinned_file.c_str());
  return Enrolled{configuration.edge, configuration.site, config_file,
                  configuration.broker_host + ":" + std::to_string(configuration.broker_port),
                  certificate.NotAfter()};
}

}  // namespace edcsync::edge
