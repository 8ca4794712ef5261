#include "server/request_target.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace tallymark {
namespace {

using Segments = std::vector<std::string>;

RequestTarget Parse(std::string_view text) {
  RequestTarget target;
  Status status = ParseRequestTarget(text, &target);
  EXPECT_TRUE(status.ok()) << text << ": " << status.message();
  return target;
}

TEST(RequestTarget, ThePathIsSplitBeforeItIsDecoded) {
  EXPECT_EQ(Parse("/v1/ads/a%2Fb/series").segments, (Segments{"v1", "ads", "a/b", "series"}));
  EXPECT_EQ(Parse("/").segments, Segments{""});
  EXPECT_EQ(Parse("/v1/status/").segments, (Segments{"v1", "status", ""}));
  EXPECT_EQ(Parse("/a%3Fb?x=1").segments, Segments{"a?b"});
}

TEST(RequestTarget, APlusIsAPlus) {
  RequestTarget target = Parse("/v1/ads/a+b/series?from=2021-01-01T00:00:00+02:00&x=a%2Bb");
  EXPECT_EQ(target.segments[2], "a+b");
  EXPECT_EQ(target.params[0].value, "2021-01-01T00:00:00+02:00");
  EXPECT_EQ(target.params[1].value, "a+b");
}

TEST(RequestTarget, ParametersAreSplitBeforeTheyAreDecoded) {
  RequestTarget target = Parse("/x?a%26b=c%3Dd&e&f=&&g=h=i");
  ASSERT_EQ(target.params.size(), 4U);
  EXPECT_EQ(target.params[0].name, "a&b");
  EXPECT_EQ(target.params[0].value, "c=d");
  EXPECT_EQ(target.params[1].name, "e");
  EXPECT_EQ(target.params[1].value, "");
  EXPECT_EQ(target.params[2].value, "");
  EXPECT_EQ(target.params[3].value, "h=i");
}

TEST(RequestTarget, AnAbsoluteTargetLosesItsAuthority) {
  EXPECT_EQ(Parse("http://host:8086/ping").segments, Segments{"ping"});
  EXPECT_EQ(Parse("http://host").segments, Segments{""});
}

TEST(RequestTarget, WhatIsNoTargetIsInvalid) {
  RequestTarget target;
  std::string deep;
  for (size_t i = 0; i <= kMaxPathSegments; ++i) deep += "/a";
  std::string wide = "/?";
  for (size_t i = 0; i <= kMaxQueryParams; ++i) wide += "a=1&";
  for (const std::string& text :
       {std::string("x"), std::string("/%"), std::string("/%4"), std::string("/%zz"), std::string("/?a=%1"),
        std::string("/a#b"), std::string(), deep, wide}) {
    EXPECT_EQ(ParseRequestTarget(text, &target).code(), Code::kInvalid) << text;
  }
}

TEST(QueryParams, UnknownAndRepeatedParametersAreNamed) {
  constexpr std::array<std::string_view, 2> kKnown = {"from", "to"};
  RequestTarget target = Parse("/x?from=1&frm=2");
  EXPECT_NE(QueryParams(target.params).Check(kKnown).message().find("'frm'"), std::string::npos);
  target = Parse("/x?from=1&from=1");
  EXPECT_NE(QueryParams(target.params).Check(kKnown).message().find("twice"), std::string::npos);
  target = Parse("/x?to=1&from=1");
  EXPECT_TRUE(QueryParams(target.params).Check(kKnown).ok());
  EXPECT_EQ(*QueryParams(target.params).Find("to"), "1");
  EXPECT_EQ(QueryParams(target.params).Find("step"), nullptr);
}

TEST(QueryParams, ALongUnknownNameIsCutAtACharacter) {
  std::string name(63, 'a');
  RequestTarget target;
  target.params.push_back({name + "\xC3\xA4" + name, "1"});
  Status status = QueryParams(target.params).Check(std::array<std::string_view, 0>{});
  EXPECT_EQ(status.message(), "unknown parameter '" + name + "...'");
}

}  // namespace
}  // namespace tallymark
