#include "tools/stream_generator.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string_view>

namespace tallymark {
namespace {

// Which draw of a line decides what. The ad is last: it takes as many as it needs.
enum DrawUse : uint64_t {
  kClass = 0,
  kTime,
  kIdHigh,
  kIdLow,
  kUser,
  kIp,
  kOrigin,
  kOriginPlace,
  kMoney,
  kAd
};

constexpr double kDuplicatesMax = 0.9;
constexpr uint64_t kClickSearchBack = 10'000;  // conversions follow clicks at most this far behind
constexpr uint64_t kClickSearchSteps = 64;

// Repeated names make some countries more frequent than others.
constexpr std::array<std::string_view, 32> kCountries = {
    "USA", "USA", "USA", "USA", "USA", "USA", "USA", "USA", "IND", "IND", "IND",
    "IND", "BRA", "BRA", "BRA", "DEU", "DEU", "DEU", "GBR", "GBR", "GBR", "JPN",
    "JPN", "FRA", "FRA", "MEX", "IDN", "CAN", "ITA", "ESP", "POL", "NLD"};

constexpr auto kHexPairs = [] {
  std::array<std::array<char, 2>, 256> pairs{};
  for (size_t i = 0; i < pairs.size(); ++i)
    pairs[i] = {"0123456789abcdef"[i >> 4], "0123456789abcdef"[i & 15]};
  return pairs;
}();

constexpr auto kDecimalPairs = [] {
  std::array<std::array<char, 2>, 100> pairs{};
  for (size_t i = 0; i < pairs.size(); ++i) {
    pairs[i] = {static_cast<char>('0' + i / 10), static_cast<char>('0' + i % 10)};
  }
  return pairs;
}();

template <size_t N>
char* Put(char* out, const char (&literal)[N]) {
  std::memcpy(out, literal, N - 1);
  return out + N - 1;
}

// Copies of a size known when compiling are single moves; a call of memcpy for each of the dozen
// pieces of a line would cost more than all else together.
char* PutPair(char* out, uint64_t below_100) {
  std::memcpy(out, kDecimalPairs[below_100].data(), 2);
  return out + 2;
}

char* PutEight(char* out, uint64_t below_100_000_000) {
  auto high = static_cast<uint32_t>(below_100_000_000) / 10'000,
       low = static_cast<uint32_t>(below_100_000_000) % 10'000;
  PutPair(out, high / 100);
  PutPair(out + 2, high % 100);
  PutPair(out + 4, low / 100);
  return PutPair(out + 6, low % 100);
}

char* PutDecimal(char* out, uint64_t value) {
  size_t digits = 1;
  for (uint64_t bound = 10; digits < 20 && value >= bound; bound *= 10) ++digits;
  char* p = out + digits;
  for (; value >= 100; value /= 100) PutPair(p -= 2, value % 100);
  if (value >= 10) {
    PutPair(p - 2, value);
  } else {
    p[-1] = static_cast<char>('0' + value);
  }
  return out + digits;
}

// "0000042": seven digits, more where the number has more.
char* PutAdNumber(char* out, uint64_t ad) {
  if (ad >= 10'000'000) return PutDecimal(out, ad);
  *out = static_cast<char>('0' + ad / 1'000'000);
  auto rest = static_cast<uint32_t>(ad % 1'000'000);
  PutPair(out + 1, rest / 10'000);
  PutPair(out + 3, rest / 100 % 100);
  return PutPair(out + 5, rest % 100);
}

char* PutTime(char* out, int64_t time_ns) {
  constexpr int64_t kNineteenDigits = 1'000'000'000'000'000'000;
  auto magnitude = static_cast<uint64_t>(time_ns);
  if (time_ns < kNineteenDigits) {
    if (time_ns < 0) *out++ = '-';
    return PutDecimal(out, time_ns < 0 ? 0 - magnitude : magnitude);
  }
  uint64_t first = magnitude / 10'000'000'000'000'000;  // three digits
  uint64_t rest = magnitude % 10'000'000'000'000'000;
  *out++ = static_cast<char>('0' + first / 100);
  out = PutPair(out, first % 100);
  return PutEight(PutEight(out, rest / 100'000'000), rest % 100'000'000);
}

// The lowest `bytes` bytes of `value`, most significant first.
char* PutHex(char* out, uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) {
    std::memcpy(out, kHexPairs[(value >> shift) & 0xFF].data(), 2);
    out += 2;
  }
  return out;
}

char* PutUuid(char* out, uint64_t high, uint64_t low) {
  out = PutHex(out, high >> 32, 4);
  *out++ = '-';
  out = PutHex(out, high >> 16, 2);
  *out++ = '-';
  out = PutHex(out, high, 2);
  *out++ = '-';
  out = PutHex(out, low >> 48, 2);
  *out++ = '-';
  return PutHex(out, low, 6);
}

// Numbers 0..255 and a point, with their length.
struct Octet {
  std::array<char, 4> text{};
  uint8_t size = 0;
};
constexpr auto kOctets = [] {
  std::array<Octet, 256> octets{};
  for (unsigned i = 0; i < octets.size(); ++i) {
    Octet& octet = octets[i];
    if (i >= 100) octet.text[octet.size++] = static_cast<char>('0' + i / 100);
    if (i >= 10) octet.text[octet.size++] = static_cast<char>('0' + i / 10 % 10);
    octet.text[octet.size++] = static_cast<char>('0' + i % 10);
    octet.text[octet.size++] = '.';
  }
  return octets;
}();

char* PutIp(char* out, uint32_t ip) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    const Octet& octet = kOctets[(ip >> shift) & 0xFF];
    std::memcpy(out, octet.text.data(), 4);
    out += octet.size;
  }
  return out - 1;
}

char* PutMicros(char* out, uint64_t micros) {
  out = PutDecimal(out, micros / 1'000'000);
  *out++ = '.';
  auto rest = static_cast<uint32_t>(micros % 1'000'000);
  out = PutPair(out, rest / 10'000);
  return PutPair(PutPair(out, rest / 100 % 100), rest % 100);
}

// Version and variant bits of RFC 9562 over random bits.
void MakeUuid(const Draws& draws, uint64_t* high, uint64_t* low) {
  *high = (draws.At(kIdHigh) & ~0xF000ULL) | 0x4000ULL;
  *low = (draws.At(kIdLow) & ~(3ULL << 62)) | (2ULL << 62);
}

uint64_t ShareBound(double share) { return static_cast<uint64_t>(std::llround(share * 0x1p32)); }

}  // namespace

Status StreamGenerator::Check(const StreamOptions& options) {
  auto is_share = [](double share) { return share >= 0 && share <= 1; };
  if (options.ads == 0 || options.users == 0)
    return Status::Invalid("there must be at least one ad and one user");
  if (!(options.zipf >= 0 && options.zipf <= 10))
    return Status::Invalid("the zipf exponent must be within 0..10");
  if (!is_share(options.bad_lines) || !is_share(options.late) || !is_share(options.impressions) ||
      !is_share(options.conversions) || !is_share(options.impressions + options.conversions)) {
    return Status::Invalid("shares must be within 0..1, also together");
  }
  if (!(options.duplicates >= 0 && options.duplicates + options.bad_lines <= kDuplicatesMax)) {
    return Status::Invalid("duplicates and bad lines together must be within 0..0.9");
  }
  if (options.late_spread_ns < 0 || options.resolution_ns < 1 || !(options.interval_ns >= 0)) {
    return Status::Invalid("times must not be negative");
  }
  return Status::Ok();
}

StreamGenerator::StreamGenerator(const StreamOptions& options)
    : options_(options),
      key_(Mix64(options.seed + kGoldenGamma)),
      zipf_(options.ads, options.zipf),
      bad_below_(ShareBound(options.bad_lines)),
      duplicate_below_(bad_below_ + ShareBound(options.duplicates)),
      late_below_(ShareBound(options.late)),
      impression_below_(ShareBound(options.impressions)),
      conversion_below_(impression_below_ + ShareBound(options.conversions)) {}

LineClass StreamGenerator::ClassOf(uint64_t i) const {
  uint64_t bits = DrawsOf(i).At(kClass) >> 32;
  if (i == 0 || bits >= duplicate_below_) return LineClass::kFresh;
  return bits < bad_below_ ? LineClass::kBad : LineClass::kDuplicate;
}

uint64_t StreamGenerator::OriginOf(uint64_t i) const {
  Draws draws = DrawsOf(i);
  bool near = draws.At(kOrigin) % 4 != 0;
  uint64_t origin =
      near ? i - 1 - draws.Below(kOriginPlace, std::min(i, kNearLines)) : draws.Below(kOriginPlace, i);
  while (ClassOf(origin) != LineClass::kFresh) --origin;
  return origin;
}

EventKind StreamGenerator::KindOf(const Draws& draws) const {
  uint64_t bits = draws.At(kClass) & 0xFFFFFFFF;
  if (bits < impression_below_) return EventKind::kImpression;
  return bits < conversion_below_ ? EventKind::kConversion : EventKind::kClick;
}

int64_t StreamGenerator::TimeOf(uint64_t i, const Draws& draws) const {
  // A little jitter keeps equal intervals from showing; it never leaves the line's own interval.
  uint64_t bits = draws.At(kTime);
  double jitter = static_cast<double>(bits & 0xFFFF) * 0x1p-16;
  int64_t time =
      options_.start_ns + static_cast<int64_t>((static_cast<double>(i) + jitter) * options_.interval_ns);
  if ((bits >> 32) < late_below_) {
    uint64_t spread = (bits * kGoldenGamma) >> 1;
    time -= static_cast<int64_t>(spread % static_cast<uint64_t>(options_.late_spread_ns + 1));
  }
  return options_.resolution_ns == 1 ? time : FloorDiv(time, options_.resolution_ns) * options_.resolution_ns;
}

bool StreamGenerator::FindClick(uint64_t i, const Draws& draws, uint64_t* click) const {
  if (i == 0) return false;
  uint64_t candidate = i - 1 - draws.Below(kOriginPlace, std::min(i, kClickSearchBack));
  for (uint64_t step = 0; step < kClickSearchSteps; ++step) {
    if (ClassOf(candidate) == LineClass::kFresh && KindOf(DrawsOf(candidate)) == EventKind::kClick) {
      *click = candidate;
      return true;
    }
    if (candidate-- == 0) return false;
  }
  return false;
}

void StreamGenerator::FillUser(const Draws& draws, GeneratedEvent* event) const {
  // The square makes some users far busier than others. Address and country belong to the user;
  // the lowest byte of the address moves, as it does for people on phones.
  double unit = draws.Unit(kUser);
  event->user = static_cast<uint64_t>(unit * unit * static_cast<double>(options_.users));
  uint64_t home = Mix64(key_ + event->user * kGoldenGamma);
  event->country = static_cast<uint8_t>(home % kCountries.size());
  auto network = static_cast<uint32_t>(1 + (home >> 40) % 223) << 24;
  uint32_t host = static_cast<uint32_t>(home >> 8) & 0xFFFFFF;
  if (draws.At(kIp) % 8 == 0) host ^= static_cast<uint32_t>(draws.At(kIp) >> 56);
  event->ip = network | host;
}

GeneratedEvent StreamGenerator::EventAt(uint64_t i) const {
  Draws draws = DrawsOf(i);
  GeneratedEvent event;
  event.kind = KindOf(draws);
  event.time_ns = TimeOf(i, draws);
  MakeUuid(draws, &event.id_high, &event.id_low);
  if (event.kind != EventKind::kConversion) {
    event.ad = zipf_.Draw(draws, kAd);
    FillUser(draws, &event);
    return event;
  }
  uint64_t click = i;
  event.has_click = FindClick(i, draws, &click);
  Draws source = DrawsOf(click);
  if (event.has_click) MakeUuid(source, &event.click_high, &event.click_low);
  event.ad = zipf_.Draw(source, kAd);
  FillUser(source, &event);
  double unit = draws.Unit(kMoney);
  event.revenue_micros = 10'000 + static_cast<int64_t>(unit * unit * 50'000'000);
  return event;
}

char* StreamGenerator::WriteBadLine(uint64_t i, char* out) const {
  Draws draws = DrawsOf(i);
  int64_t time = TimeOf(i, draws);
  uint64_t number = draws.At(kIdHigh) >> 40;
  switch (draws.At(kOrigin) % 5) {
    case 0:  // no ad
      out = Put(out, "click,country=USA event_id=\"bad-");
      out = PutDecimal(out, number);
      out = Put(out, "\" ");
      return Put(PutTime(out, time), "\n");
    case 1:  // not a kind of event
      out = Put(out, "view,ad_id=ad0000001 event_id=\"bad-");
      out = PutDecimal(out, number);
      out = Put(out, "\" ");
      return Put(PutTime(out, time), "\n");
    case 2:  // no address
      out = Put(out, "click,ad_id=ad0000001 ip=\"300.1.2.");
      out = PutDecimal(out, number);
      out = Put(out, "\" ");
      return Put(PutTime(out, time), "\n");
    case 3:  // the quote is never closed
      out = Put(out, "click,ad_id=ad0000001 event_id=\"bad-");
      return Put(PutDecimal(out, number), "\n");
    default:  // no number where the time stands
      out = Put(out, "click,ad_id=ad0000001 event_id=\"bad-");
      out = PutDecimal(out, number);
      return Put(out, "\" yesterday\n");
  }
}

char* StreamGenerator::WriteLine(uint64_t i, char* out) const {
  LineClass line_class = ClassOf(i);
  if (line_class == LineClass::kBad) return WriteBadLine(i, out);
  GeneratedEvent event = EventAt(line_class == LineClass::kDuplicate ? OriginOf(i) : i);
  switch (event.kind) {
    case EventKind::kClick:
      out = Put(out, "click,ad_id=ad");
      break;
    case EventKind::kImpression:
      out = Put(out, "impression,ad_id=ad");
      break;
    case EventKind::kConversion:
      out = Put(out, "conversion,ad_id=ad");
      break;
  }
  out = PutAdNumber(out, event.ad);
  out = Put(out, ",country=");
  std::memcpy(out, kCountries[event.country].data(), 3);
  out += 3;
  out = Put(out, " event_id=\"");
  out = PutUuid(out, event.id_high, event.id_low);
  out = Put(out, "\",user_id=\"u");
  out = PutDecimal(out, event.user);
  out = Put(out, "\",ip=\"");
  out = PutIp(out, event.ip);
  out = Put(out, "\"");
  if (event.has_click) {
    out = Put(out, ",click_id=\"");
    out = PutUuid(out, event.click_high, event.click_low);
    out = Put(out, "\"");
  }
  if (event.kind == EventKind::kConversion) {
    out = Put(out, ",revenue=");
    out = PutMicros(out, static_cast<uint64_t>(event.revenue_micros));
  }
  *out++ = ' ';
  out = PutTime(out, event.time_ns);
  *out++ = '\n';
  return out;
}

char* StreamGenerator::WriteLines(uint64_t* next, uint64_t end, char* out, char* limit) const {
  while (*next < end && static_cast<size_t>(limit - out) >= kLineBytesMax) out = WriteLine((*next)++, out);
  return out;
}

std::string StreamGenerator::AdName(uint64_t ad) {
  std::array<char, 24> buffer;
  char* end = PutAdNumber(Put(buffer.data(), "ad"), ad);
  return std::string(buffer.data(), static_cast<size_t>(end - buffer.data()));
}

}  // namespace tallymark
