#include "central-gateway/app/enrolment_commands.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "central-gateway/enrolment/invitations.h"
#include "central-gateway/enrolment/rotation.h"
#include "shared/base/json.h"

namespace edcsync::central {
namespace {

std::string LossText(const KnownLoss& loss) {
  const std::string through = std::to_string(loss.through.value());
  return "The centre holds what this edge captured through sequence " + through +
         " of incarnation " + loss.incarnation.ToHex() +
         (loss.last_contact ? " (last contact " + FormatUtc(*loss.last_contact) + ")" : "") +
         ". What it captured after that and had not sent is lost with its disk: ask the site to "
         "capture it again from source. The rest comes back with the feed.";
}

Status PrintInvitation(CommandContext& context, const InvitationWish& wish,
                       const Invitation& invitation, const std::string& token) {
  if (context.json) {
    Json json = {{"edgeId", wish.edge.str()},
                 {"siteOID", invitation.site.str()},
                 {"token", token},
                 {"expiresAt", FormatUtc(invitation.expires_at)},
                 {"knownLoss", nullptr}};
    if (invitation.known_loss) {
      const KnownLoss& loss = *invitation.known_loss;
      json["knownLoss"] = {{"incarnation", loss.incarnation.ToHex()},
                           {"knownThrough", loss.through.value()},
                           {"lastContactAt", loss.last_contact ? Json(FormatUtc(*loss.last_contact))
                                                               : Json(nullptr)}};
    }
    std::printf("%s\n", json.dump(2).c_str());
    return Ok();
  }
  std::printf(
      "%s\n\nEdge %s of site %s may enrol with this token, once, until %s. Whoever has it can "
      "enrol "
      "in its place: bring it there as you would a password.\nAt the site: edge-agent enroll "
      "TOKEN\n",
      token.c_str(), wish.edge.str().c_str(), invitation.site.str().c_str(),
      FormatUtc(invitation.expires_at).c_str());
  if (invitation.known_loss) std::printf("%s\n", LossText(*invitation.known_loss).c_str());
  return Ok();
}

Status InviteEdge(CommandContext& context, CentralStore& store, InvitationWish wish) {
  EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
  if (!config.enrolment.enabled) {
    return Fail(
        ErrorCode::kConfiguration,
        config.installation.Config() + ": [enrolment] enabled is false; set it, or use `edge add`");
  }
  EDCSYNC_ASSIGN(const std::string address, EnrolmentAddress(config));
  EDCSYNC_ASSIGN(const CertificateAuthority authority, LoadServerAuthority(config.installation));
  wish.invited_by = context.user;
  EDCSYNC_ASSIGN(const Invitation invitation, Invite(store, wish, context.random));
  const wire::EnrolmentToken token{address, authority.certificate().FingerprintHex(), wish.edge,
                                   invitation.secret};
  return PrintInvitation(context, wish, invitation, wire::FormatToken(token));
}

struct InviteArguments {
  std::string edge, site;
  std::int64_t valid_hours = 72;
  bool rebuild = false;
};

int WithRotation(CommandContext& context, const std::function<Status(RotationContext&)>& run) {
  return WithStore(context, [&](CentralStore& store) -> Status {
    EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
    EDCSYNC_TRY(SettleTrust(config.installation));
    std::vector<std::string> hosts{config.broker_host};
    for (const std::string& host : ServerNames(config.installation.Pki("broker.crt"))) {
      if (host != config.broker_host) hosts.push_back(host);
    }
    RotationContext rotation{config.installation, store,        context.clock,
                             context.random,      context.user, std::move(hosts)};
    return run(rotation);
  });
}

// Mosquitto (2.0.11) reads certificates and revocation lists again at SIGHUP, but whom it trusts only
// when it starts.
Status TellOfOutsideBroker(CommandContext& context) {
  EDCSYNC_ASSIGN(const Config config, LoadConfig(context.dir));
  if (config.broker_managed) return Ok();
  const std::string pki = config.installation.Pki("");
  std::printf(
      "Your own broker: give it %strust.pem and %scrl.pem, after `ca retire` %sbroker.crt and "
      "%sbroker.key, too, if it shows these, and type `systemctl restart mosquitto` there: a reload "
      "does not read whom it trusts.\n",
      pki.c_str(), pki.c_str(), pki.c_str(), pki.c_str());
  return Ok();
}

Status PrintTrust(CommandContext& context, RotationContext& rotation) {
  EDCSYNC_ASSIGN(const CentreTrust trust, LoadTrust(rotation.installation));
  EDCSYNC_ASSIGN(const std::vector<std::string> needs, NeedsFormerAuthority(rotation));
  EDCSYNC_ASSIGN(const std::string broken_off, BrokenOff(rotation));
  if (context.json) {
    Json json = {{"authorities", Json::array()},
                 {"formerNeededBy", needs},
                 {"brokenOff", broken_off.empty() ? Json(nullptr) : Json(broken_off)}};
    for (const Certificate& authority : trust.authorities) {
      json["authorities"].push_back({{"name", authority.CommonName()},
                                     {"fingerprint", authority.FingerprintHex()},
                                     {"notAfter", FormatUtc(authority.NotAfter())}});
    }
    json["gateway"] = {{"serial", trust.identities.front().certificate().SerialHex()},
                       {"notAfter", FormatUtc(trust.identities.front().certificate().NotAfter())},
                       {"formerStillOpening", trust.identities.size() - 1}};
    std::printf("%s\n", json.dump(2).c_str());
    return Ok();
  }
  bool issuing = true;
  for (const Certificate& authority : trust.authorities) {
    std::printf("%-8s %s  %s  until %s\n", issuing ? "issues" : "former",
                authority.CommonName().c_str(), authority.FingerprintHex().c_str(),
                FormatUtc(authority.NotAfter()).c_str());
    issuing = false;
  }
  std::printf("gateway  %s until %s; %zu earlier ones still open frames\n",
              trust.identities.front().certificate().SerialHex().c_str(),
              FormatUtc(trust.identities.front().certificate().NotAfter()).c_str(),
              trust.identities.size() - 1);
  for (const std::string& need : needs) std::printf("needs the former: %s\n", need.c_str());
  if (!broken_off.empty()) {
    std::printf("`central-gateway %s` was broken off: type it again.\n", broken_off.c_str());
  } else if (trust.authorities.size() > 1 && needs.empty()) {
    std::printf("Nothing needs the former authority: `central-gateway ca retire` ends it.\n");
  }
  return Ok();
}

}  // namespace

void AddInvite(CLI::App& edge, CommandContext& context) {
  auto arguments = std::make_shared<InviteArguments>();
  CLI::App* invite =
      edge.add_subcommand("invite", "Print a one-time token with which a site enrols by itself");
  invite->fallthrough();
  invite->add_option("EDGE", arguments->edge, "Its name: A-Z a-z 0-9 . _ -")->required();
  invite->add_option("--site", arguments->site, "Its SiteOID (with --rebuild: as it was)");
  invite->add_option("--valid-hours", arguments->valid_hours, "How long the token counts")
      ->check(CLI::Range(1, 24 * 90));
  invite->add_flag(
      "--rebuild", arguments->rebuild,
      "The edge is known and its machine lost or set up anew: when it enrols, its former "
      "certificate is revoked and it is filled from the feed");
  invite->callback([&context, arguments] {
    if (arguments->site.empty() && !arguments->rebuild) {
      context.code = Report({ErrorCode::kUsage, "--site is required for a new edge"});
      return;
    }
    context.code = WithStore(context, [&](CentralStore& store) {
      return InviteEdge(context, store,
                        {EdgeId(arguments->edge), SiteOID(arguments->site), arguments->rebuild,
                         arguments->valid_hours, context.user});
    });
  });
}

void AddRotationCommands(CLI::App& app, CommandContext& context) {
  CLI::App* certificate = app.add_subcommand("certificate", "The centre's own certificate");
  certificate->require_subcommand(1)->fallthrough();
  certificate->add_subcommand("rotate", "A new key and certificate; the former still opens frames")
      ->fallthrough()
      ->callback([&context] {
        context.code = WithRotation(context, [&](RotationContext& rotation) -> Status {
          EDCSYNC_ASSIGN(const Certificate issued, RotateGatewayCertificate(rotation));
          std::printf("The gateway's certificate is %s, until %s, and the broker's is new, too "
                      "(an outside broker: have it read pki/broker.crt and pki/broker.key anew). "
                      "Edges fetch the gateway's by themselves.\n",
                      issued.SerialHex().c_str(), FormatUtc(issued.NotAfter()).c_str());
          return Ok();
        });
      });
  CLI::App* ca = app.add_subcommand("ca", "The centre's own certificate authority");
  ca->require_subcommand(1)->fallthrough();
  ca->add_subcommand("status", "Which authorities are trusted, and what needs the former one")
      ->fallthrough()
      ->callback([&context] {
        context.code = WithRotation(
            context, [&](RotationContext& rotation) { return PrintTrust(context, rotation); });
      });
  ca->add_subcommand("rotate", "A new authority issues; the former is trusted until `ca retire`")
      ->fallthrough()
      ->callback([&context] {
        context.code = WithRotation(context, [&](RotationContext& rotation) -> Status {
          EDCSYNC_ASSIGN(const Certificate issued, RotateAuthority(rotation));
          std::printf(
              "The authority %s issues from now on, and the former one is trusted too. Keep "
              "pki/ca.key safe. Edges renew by themselves; see `ca status`, then `ca retire`.\n",
              issued.FingerprintHex().c_str());
          return TellOfOutsideBroker(context);
        });
      });
  auto regardless = std::make_shared<bool>(false);
  CLI::App* retire = ca->add_subcommand("retire", "End the trust in the former authority");
  retire->fallthrough();
  retire->add_flag("--regardless", *regardless,
                   "Also while edges need it (its key was stolen): they must enrol anew");
  retire->callback([&context, regardless] {
    context.code = WithRotation(context, [&](RotationContext& rotation) -> Status {
      EDCSYNC_TRY(RetireAuthority(rotation, *regardless));
      std::printf(
          "The former authority is trusted no longer. Browsers at the desk need the new "
          "one, pki/ca.crt.\n");
      return TellOfOutsideBroker(context);
    });
  });
}

}  // namespace edcsync::central
