// What a SentencePiece .model file says about itself. The library's own classes for it are not installed with its
// headers, so the few fields needed are read from the protocol buffer here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

struct SentencePieceModel {
  enum class Kind { unigram = 1, bpe = 2, word = 3, character = 4 };
  enum class PieceType { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  struct Piece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::normal;
  };

  std::vector<Piece> pieces;
  Kind kind = Kind::unigram;
  std::string charsmap;          // empty: the identity normalisation
  bool add_dummy_prefix = true;  // a space before every text
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  bool whitespace_as_suffix = false;

  // Throws Error(data) with `place` when the bytes are not such a model.
  static SentencePieceModel parse(std::string_view bytes, const std::string& place);
};

// Rounds the score of every piece in the bytes of a model to a multiple of `step`. Throws Error(data).
void round_scores(std::string& model, float step);

}  // namespace espalier
