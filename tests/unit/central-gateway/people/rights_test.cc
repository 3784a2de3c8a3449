#include "central-gateway/people/rights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace edcsync::central {
namespace {

using ::testing::ElementsAre;

const StudyOID kPilot("CDISCPILOT01");
const StudyOID kOther("OTHER");
const SiteOID kKisumu("Kisumu");
const SiteOID kTororo("Tororo");

TEST(Rights, NobodyMayAnythingWithoutARight) {
  const Rights none;
  EXPECT_FALSE(none.Sees(kPilot, kKisumu));
  EXPECT_FALSE(none.SeesBlinded(kPilot, kKisumu));
  EXPECT_FALSE(none.IsAdministrator());
  EXPECT_TRUE(none.Scopes().empty());
}

TEST(Rights, ARightCountsInItsStudyAndSiteOnly) {
  const Rights rights({{Role::kDataManager, kPilot, kKisumu, false}});
  EXPECT_TRUE(rights.May(Role::kDataManager, kPilot, kKisumu));
  EXPECT_FALSE(rights.May(Role::kDataManager, kPilot, kTororo));
  EXPECT_FALSE(rights.May(Role::kDataManager, kOther, kKisumu));
  EXPECT_FALSE(rights.Sees(kOther, kKisumu));
}

TEST(Rights, ARightForAllCoversEachStudyAndSite) {
  EXPECT_TRUE(Rights({{Role::kMonitor, StudyOID(), SiteOID(), false}}).Sees(kPilot, kKisumu));
  EXPECT_TRUE(Rights({{Role::kMonitor, kPilot, SiteOID(), false}}).Sees(kPilot, kTororo));
  EXPECT_FALSE(Rights({{Role::kMonitor, kPilot, SiteOID(), false}}).Sees(kOther, kTororo));
  EXPECT_TRUE(Rights({{Role::kMonitor, StudyOID(), kKisumu, false}}).Sees(kOther, kKisumu));
}

TEST(Rights, WhatHasNoKnownStudyIsForARightForEveryStudyOnly) {
  EXPECT_FALSE(Rights({{Role::kDataManager, kPilot, kKisumu, false}}).Sees(StudyOID(), kKisumu));
  EXPECT_TRUE(Rights({{Role::kDataManager, StudyOID(), kKisumu, false}}).Sees(StudyOID(), kKisumu));
}

TEST(Rights, ADataManagerMayWhatAMonitorMayAndNotTheOtherWayRound) {
  const Rights manager({{Role::kDataManager, kPilot, SiteOID(), false}});
  EXPECT_TRUE(manager.May(Role::kMonitor, kPilot, kKisumu));
  EXPECT_TRUE(manager.Has(Role::kMonitor));
  const Rights monitor({{Role::kMonitor, kPilot, SiteOID(), false}});
  EXPECT_FALSE(monitor.May(Role::kDataManager, kPilot, kKisumu));
  EXPECT_FALSE(monitor.Has(Role::kDataManager));
}

TEST(Rights, AMonitorSeesBlindedValuesOnlyWhereTheRightSaysSo) {
  const Rights rights({{Role::kMonitor, kPilot, kKisumu, true},
                       {Role::kMonitor, kPilot, SiteOID(), false},
                       {Role::kDataManager, kOther, kTororo, false}});
  EXPECT_TRUE(rights.SeesBlinded(kPilot, kKisumu));
  EXPECT_FALSE(rights.SeesBlinded(kPilot, kTororo));
  EXPECT_TRUE(rights.Sees(kPilot, kTororo));
  EXPECT_TRUE(rights.SeesBlinded(kOther, kTororo));
}

TEST(Rights, OperatorsAndAdministratorsReadNoRecord) {
  const Rights rights({{Role::kOperator, StudyOID(), SiteOID(), true},
                       {Role::kAdministrator, StudyOID(), SiteOID(), true}});
  EXPECT_FALSE(rights.Sees(kPilot, kKisumu));
  EXPECT_FALSE(rights.SeesBlinded(kPilot, kKisumu));
  EXPECT_TRUE(rights.Scopes().empty());
  EXPECT_TRUE(rights.IsAdministrator());
  EXPECT_TRUE(rights.Has(Role::kOperator));
}

TEST(Rights, AnAdministratorOfOneSiteIsNone) {
  EXPECT_FALSE(Rights({{Role::kAdministrator, StudyOID(), kKisumu, false}}).IsAdministrator());
  EXPECT_FALSE(Rights({{Role::kAdministrator, kPilot, SiteOID(), false}}).IsAdministrator());
}

TEST(Rights, AScopeWithinAnotherIsLeftOutOfAFilter) {
  const Rights rights({{Role::kMonitor, kPilot, kKisumu, false},
                       {Role::kDataManager, kPilot, SiteOID(), false},
                       {Role::kMonitor, kOther, kTororo, false},
                       {Role::kDataManager, kOther, kTororo, false},
                       {Role::kOperator, StudyOID(), SiteOID(), false}});
  EXPECT_THAT(rights.Scopes(), ElementsAre(Scope{kPilot, SiteOID()}, Scope{kOther, kTororo}));
  EXPECT_THAT(rights.Scopes(Role::kDataManager),
              ElementsAre(Scope{kPilot, SiteOID()}, Scope{kOther, kTororo}));
  EXPECT_THAT(rights.Scopes(Role::kOperator), ElementsAre(Scope{}));
}

}  // namespace
}  // namespace edcsync::central
