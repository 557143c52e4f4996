#include "core/data/tokenizer/sentencepiece_model.h"

#include <cmath>
#include <cstring>

#include "core/base/error.h"

namespace espalier {
namespace {

// One field of a protocol buffer message: a number, or the bytes of a string or sub-message.
struct Field {
  uint64_t number = 0, varint = 0;
  std::string_view bytes;  // the four bytes of a 32-bit number, too
  bool is_text = false;    // a string or a sub-message
};

class Wire {
 public:
  Wire(std::string_view bytes, const std::string& place) : bytes_(bytes), place_(place) {}

  bool next(Field& field) {
    if (at_ == bytes_.size()) return false;
    const uint64_t key = varint();
    field = {};
    field.number = key >> 3;
    switch (key & 7) {
      case 0:
        field.varint = varint();
        break;
      case 1:
        take(8);
        break;
      case 2:
        field.bytes = take(varint());
        field.is_text = true;
        break;
      case 5:
        field.bytes = take(4);
        break;
      default:
        fail();
    }
    return true;
  }

 private:
  [[noreturn]] void fail() const {
    throw Error(ErrorCode::data, "not a SentencePiece model, or a damaged one", place_, "copy the .model file again");
  }
  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    fail();
  }
  std::string_view take(uint64_t count) {
    if (count > bytes_.size() - at_) fail();
    const auto taken = bytes_.substr(at_, count);
    at_ += count;
    return taken;
  }

  std::string_view bytes_;
  const std::string& place_;
  size_t at_ = 0;
};

SentencePieceModel::Piece parse_piece(std::string_view bytes, const std::string& place) {
  SentencePieceModel::Piece piece;
  Field field;
  for (Wire wire(bytes, place); wire.next(field);) {
    if (field.number == 1 && field.is_text) piece.text = field.bytes;
    if (field.number == 2 && !field.is_text && field.bytes.size() == 4)
      std::memcpy(&piece.score, field.bytes.data(), 4);
    if (field.number == 3) piece.type = static_cast<SentencePieceModel::PieceType>(field.varint);
  }
  // The library throws an exception of its own for it, while it builds its index.
  if (piece.text.empty())
    throw Error(ErrorCode::data, "a piece of the SentencePiece model has no text", place, "copy the .model file again");
  if (!std::isfinite(piece.score))
    throw Error(ErrorCode::data, "a piece of the SentencePiece model has a score that is not a number", place,
                "copy the .model file again");
  return piece;
}

}  // namespace

SentencePieceModel SentencePieceModel::parse(std::string_view bytes, const std::string& place) {
  SentencePieceModel model;
  Field field, inner;
  for (Wire wire(bytes, place); wire.next(field);) {
    if (!field.is_text) continue;
    Wire part(field.bytes, place);
    if (field.number == 1) model.pieces.push_back(parse_piece(field.bytes, place));
    if (field.number == 2) {
      while (part.next(inner)) {
        if (inner.number == 3) model.kind = static_cast<Kind>(inner.varint);
        if (inner.number == 24) model.whitespace_as_suffix = inner.varint != 0;
      }
    }
    if (field.number == 3) {
      while (part.next(inner)) {
        if (inner.number == 2) model.charsmap = inner.bytes;
        if (inner.number == 3) model.add_dummy_prefix = inner.varint != 0;
        if (inner.number == 4) model.remove_extra_whitespaces = inner.varint != 0;
        if (inner.number == 5) model.escape_whitespaces = inner.varint != 0;
      }
    }
  }
  if (model.pieces.empty())
    throw Error(ErrorCode::data, "not a SentencePiece model: it has no pieces", place, "copy the .model file again");
  return model;
}

void round_scores(std::string& model, float step) {
  const std::string place = "SentencePiece model";
  Field field, inner;
  for (Wire wire(model, place); wire.next(field);) {
    if (field.number != 1 || !field.is_text) continue;
    for (Wire piece(field.bytes, place); piece.next(inner);) {
      if (inner.number != 2 || inner.is_text || inner.bytes.size() != 4) continue;
      float score = 0;
      std::memcpy(&score, inner.bytes.data(), 4);
      score = std::round(score / step) * step;
      std::memcpy(model.data() + (inner.bytes.data() - model.data()), &score, 4);
    }
  }
}

}  // namespace espalier
