#include "core/data/stream/stage_quality.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/error.h"
#include "core/base/rng.h"
#include "core/base/text.h"
#include "core/data/text/file_format.h"

namespace espalier {
namespace {

constexpr size_t kCells = 1 << 16;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_word(char c) {
  return is_letter(c) || is_digit(c) || c == '\'' || static_cast<unsigned char>(c) >= 0x80;
}
char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
double per_million(uint64_t count, uint64_t words) {
  return words == 0 ? 0 : 1e6 * static_cast<double>(count) / static_cast<double>(words);
}

// Counts the words of a text and calls use(word) with each in lower case.
template <class Use>
void for_each_word(std::string_view text, const Use& use) {
  std::string word;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && is_word(text[i])) {
      word += lower(text[i]);
    } else if (!word.empty()) {
      use(word);
      word.clear();
    }
  }
}

}  // namespace

WordFilter::WordFilter(const std::filesystem::path& path) {
  const auto lines = split(read_text_file(path), '\n');
  for (size_t i = 0; i < lines.size(); ++i) {
    std::string line = lines[i];
    while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) line.pop_back();
    if (line.empty() || line[0] == '#') continue;
    if (line.find_first_of(" \t") != std::string::npos)
      throw Error(ErrorCode::data, "more than one word in a line of a word list",
                  path.string() + ":" + std::to_string(i + 1), "write one word a line");
    std::transform(line.begin(), line.end(), line.begin(), lower);
    words_.insert(line);
  }
  if (words_.empty()) throw Error(ErrorCode::data, "a word list without words", path.string());
}

StageQuality::StageQuality(WordFilter filter, size_t remembered)
    : filter_(std::move(filter)), remembered_(std::max<size_t>(remembered, 1)) {
  now_.cells.resize(kCells);
}

void StageQuality::add(std::string_view text) {
  ++now_.documents;
  now_.bytes += text.size();
  remember(hash64(text));
  for_each_word(text, [&](const std::string& word) {
    ++now_.words;
    ++now_.cells[hash64(word) % kCells];
    now_.listed += filter_.contains(word);
  });
  now_.emails += count_emails(text);
  now_.phones += count_phones(text);
}

void StageQuality::remember(uint64_t hash) {
  if ((hash & sample_mask_) != 0) return;
  ++sampled_;
  if (!seen_.insert(hash).second) ++repeated_;
  if (seen_.size() <= remembered_) return;
  // Half of the hashes go. How often a text that stays was repeated is not known alone, so counting starts again with
  // the share found so far kept in proportion.
  sample_mask_ = sample_mask_ * 2 + 1;
  const size_t kept_before = seen_.size();
  std::erase_if(seen_, [&](uint64_t each) { return (each & sample_mask_) != 0; });
  const double kept = static_cast<double>(seen_.size()) / static_cast<double>(kept_before);
  repeated_ = static_cast<uint64_t>(std::llround(static_cast<double>(repeated_) * kept));
  sampled_ = seen_.size() + repeated_;
}

StageReport StageQuality::finish_stage() {
  StageReport out;
  out.documents = now_.documents;
  out.bytes = now_.bytes;
  out.words = now_.words;
  out.duplicate_share = sampled_ == 0 ? 0 : static_cast<double>(repeated_) / static_cast<double>(sampled_);
  out.duplicates_sampled = sample_mask_ != 0;
  if (now_.documents > 0) {
    out.mean_bytes = static_cast<double>(now_.bytes) / static_cast<double>(now_.documents);
    out.mean_words = static_cast<double>(now_.words) / static_cast<double>(now_.documents);
  }
  out.listed_words_per_million = per_million(now_.listed, now_.words);
  out.emails_per_million = per_million(now_.emails, now_.words);
  out.phones_per_million = per_million(now_.phones, now_.words);
  if (before_.words > 0 && now_.words > 0) {
    out.vocabulary_drift = jensen_shannon(before_.cells, now_.cells);
    out.length_ratio = out.mean_words / (static_cast<double>(before_.words) / static_cast<double>(before_.documents));
  }
  before_ = std::move(now_);
  now_ = {};
  now_.cells.resize(kCells);
  seen_.clear();
  sample_mask_ = sampled_ = repeated_ = 0;
  return out;
}

double jensen_shannon(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  const auto total = [](const std::vector<uint64_t>& counts) {
    return static_cast<double>(std::accumulate(counts.begin(), counts.end(), uint64_t{0}));
  };
  const double total_a = total(a), total_b = total(b);
  if (total_a == 0 || total_b == 0) return 0;
  double divergence = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double p = static_cast<double>(a[i]) / total_a, q = static_cast<double>(b[i]) / total_b;
    const double middle = (p + q) / 2;
    if (p > 0) divergence += p / 2 * std::log2(p / middle);
    if (q > 0) divergence += q / 2 * std::log2(q / middle);
  }
  return std::clamp(divergence, 0.0, 1.0);  // rounding alone leaves the range
}

uint64_t count_emails(std::string_view text) {
  const auto local = [](char c) {
    return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-';
  };
  const auto host = [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.'; };
  uint64_t found = 0;
  for (size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    if (at == 0 || !local(text[at - 1]) || text[at - 1] == '.') continue;
    size_t end = at + 1;
    while (end < text.size() && host(text[end])) ++end;
    while (end > at + 1 && (text[end - 1] == '.' || text[end - 1] == '-')) --end;  // the stop after a sentence
    const std::string_view domain = text.substr(at + 1, end - at - 1);
    const size_t dot = domain.rfind('.');
    if (dot == std::string_view::npos || dot == 0 || domain[0] == '.' || domain.find("..") != std::string_view::npos)
      continue;
    const std::string_view top = domain.substr(dot + 1);
    found += top.size() >= 2 && std::all_of(top.begin(), top.end(), is_letter);
  }
  return found;
}

uint64_t count_phones(std::string_view text) {
  uint64_t found = 0;
  for (size_t i = 0; i < text.size();) {
    const bool plus = text[i] == '+' && i + 1 < text.size() && is_digit(text[i + 1]);
    const bool bracket = text[i] == '(' && i + 1 < text.size() && is_digit(text[i + 1]);
    if ((!plus && !bracket && !is_digit(text[i])) || (i > 0 && (is_word(text[i - 1]) || text[i - 1] == '.'))) {
      ++i;
      continue;
    }
    size_t digits = 0, groups = 0, end = i + ((plus || bracket) ? 1 : 0);
    bool in_group = false;
    for (; end < text.size(); ++end) {
      if (is_digit(text[end])) {
        ++digits;
        groups += !in_group;
        in_group = true;
        continue;
      }
      in_group = false;
      // A separator belongs to the number only where more digits follow at once: ") 555", "-1234".
      size_t next = end;
      while (next < text.size() && next < end + 2 &&
             (text[next] == ' ' || text[next] == '-' || text[next] == '(' || text[next] == ')'))
        ++next;
      if (next == end || next == text.size() || !is_digit(text[next])) break;
      end = next - 1;
    }
    const bool letter_follows = end < text.size() && is_word(text[end]);
    found += !letter_follows && digits >= 10 && digits <= 15 && (plus || groups >= 3);
    i = std::max(end, i + 1);
  }
  return found;
}

}  // namespace espalier
