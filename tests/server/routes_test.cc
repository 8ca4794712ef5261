#include "server/routes.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "server/embedded.h"

namespace tallymark {
namespace {

RouteMatch Match(HttpMethod method, std::string_view path) {
  RequestTarget target;
  Status parsed = ParseRequestTarget(path, &target);
  EXPECT_TRUE(parsed.ok()) << path;
  RouteMatch match = MatchRoute(method, target.segments);
  match.path_value = nullptr;  // it pointed into `target`
  return match;
}

std::string Endpoint(std::string_view method, std::string_view pattern) {
  return std::string(method) + " " + std::string(pattern);
}

// The endpoints that openapi.yaml describes: a path at two blanks, its methods at four.
std::set<std::string> Described() {
  std::set<std::string> endpoints;
  std::istringstream document{std::string(OpenApiYaml())};
  std::regex path_line("  (/[^ ]*):");
  std::regex method_line("    (get|put|post|delete|patch|head|options):.*");
  std::string path;
  std::smatch found;
  for (std::string line; std::getline(document, line);) {
    if (std::regex_match(line, found, path_line)) {
      path = found[1];
    } else if (std::regex_match(line, found, method_line)) {
      std::string method = found[1];
      for (char& c : method) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      endpoints.insert(Endpoint(method, path));
    }
  }
  return endpoints;
}

TEST(Routes, TheOpenApiDocumentDescribesEachAndNoOther) {
  std::set<std::string> served;
  for (const Route& route : Routes()) {
    EXPECT_TRUE(served.insert(Endpoint(HttpMethodName(route.method), route.pattern)).second) << route.pattern;
  }
  EXPECT_EQ(served, Described());
}

TEST(Routes, EachHasExactlyOneHandler) {
  for (const Route& route : Routes()) {
    EXPECT_NE(route.answer == nullptr, route.answer_later == nullptr) << route.pattern;
    EXPECT_EQ(Match(route.method, route.pattern).route, &route) << route.pattern;
  }
}

TEST(Routes, AnySegmentCanStandForAnAd) {
  RequestTarget target;
  ASSERT_TRUE(ParseRequestTarget("/v1/ads/a%2Fb/series?x", &target).ok());
  RouteMatch match = MatchRoute(HttpMethod::kGet, target.segments);
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(*match.path_value, "a/b");
}

TEST(Routes, HeadFindsWhatGetFinds) {
  EXPECT_EQ(Match(HttpMethod::kHead, "/ping").route, Match(HttpMethod::kGet, "/ping").route);
  EXPECT_EQ(Match(HttpMethod::kHead, "/write").route, nullptr);
}

TEST(Routes, AWrongMethodIsToldTheRightOnes) {
  EXPECT_EQ(Match(HttpMethod::kPost, "/ping").allowed, "GET, HEAD");
  EXPECT_EQ(Match(HttpMethod::kGet, "/write").allowed, "POST");
  EXPECT_EQ(Match(HttpMethod::kOther, "/v1/ads/x/series").allowed, "GET, HEAD");
}

TEST(Routes, AnUnknownPathAllowsNothing) {
  for (const char* path : {"/nothing", "/v1", "/v1/ads", "/v1/status/", "/v1/ads/x/series/y", "/ping/x"}) {
    RouteMatch match = Match(HttpMethod::kGet, path);
    EXPECT_EQ(match.route, nullptr) << path;
    EXPECT_EQ(match.allowed, "") << path;
  }
}

}  // namespace
}  // namespace tallymark
