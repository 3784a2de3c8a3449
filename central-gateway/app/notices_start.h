// Wires the notices: from the configuration to what runs or sends.
#pragma once

#include "central-gateway/app/config.h"
#include "central-gateway/notices/notice_service.h"

namespace edcsync::central {

DueTimes DueTimesOf(const Config& config);

// What makes the messages: the configuration's language, DIR/notices/*.txt, the desk's address.
// kConfiguration names what is wrong in a template.
Result<MessageMaker> OpenMessageMaker(const Config& config);

// nullptr if no channel is configured. Fails if a template, secret or certificate does not fit.
Result<std::unique_ptr<NoticeService>> StartNotices(const Config& config, CentralStore& store,
                                                    const Clock& clock, Random& random);

}  // namespace edcsync::central
