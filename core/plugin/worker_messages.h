// What the host and a worker process say to each other: frames on a local stream socket, values in the machine's
// layout, since both ends are the same program.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/error.h"

namespace espalier::plugin {

enum class Message : uint32_t {
  // requests
  create,  // the plugin, of any kind; the next are for one kind, or for two
  fit_batch,
  fit_end,
  fit_state,
  fit_merge,
  score,
  schedule_values,
  observe,
  num_stages,
  stage_spec,
  plan,
  step_shape,
  save_state,
  load_state,
  fork,  // answers the number of a copy of the process, and a socket to it
  wait,  // answers the wait status of such a copy
  // replies
  ok,
  error,
};

// Appends values to a text.
class MessageWriter {
 public:
  template <class T>
  void value(const T& item) {
    static_assert(std::is_trivially_copyable_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&item), sizeof(T));
  }
  template <class T>
  void items(std::span<const T> all) {
    value<uint64_t>(all.size());
    bytes_.append(reinterpret_cast<const char*>(all.data()), all.size_bytes());
  }
  void text(std::string_view all) { items(std::span<const char>(all)); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

// Reads them back in order. Throws Error(plugin) where they end early: what runs in a worker may have written over
// them.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  T value() {
    // A byte that is neither 0 nor 1 is no bool.
    if constexpr (std::is_same_v<T, bool>) return *take(1) != 0;
    T item;
    std::memcpy(&item, take(sizeof(T)), sizeof(T));
    return item;
  }
  template <class T>
  std::vector<T> items() {
    const auto count = value<uint64_t>();
    if (count > bytes_.size() / sizeof(T)) throw ended();
    std::vector<T> all(count);
    if (count > 0) std::memcpy(all.data(), take(count * sizeof(T)), count * sizeof(T));
    return all;
  }
  std::string text() {
    const auto count = value<uint64_t>();
    const char* data = take(count);
    return {data, count};
  }

 private:
  static Error ended() { return {ErrorCode::plugin, "a message between processes ends early"}; }
  const char* take(uint64_t size) {
    if (size > bytes_.size()) throw ended();
    const char* data = bytes_.data();
    bytes_.remove_prefix(size);
    return data;
  }

  std::string_view bytes_;
};

// One end of a socket. Owns it.
class Channel {
 public:
  explicit Channel(int fd = -1) : fd_(fd) {}
  ~Channel();
  Channel(Channel&& other) noexcept : fd_(other.release()) {}
  Channel& operator=(Channel&& other) noexcept;

  using Deadline = std::chrono::steady_clock::time_point;
  enum class Outcome { done, closed, timed_out, stopped };
  struct Frame {
    Message kind = Message::error;
    std::string payload;
    int fd = -1;  // a descriptor that came along; the receiver's to close
  };

  // `fd`: a descriptor to send along; -1: none. `stop` may be null.
  Outcome send(Message kind, std::string_view payload, Deadline deadline, const std::atomic<bool>* stop, int fd = -1);
  Outcome receive(Frame& frame, Deadline deadline, const std::atomic<bool>* stop);

  int fd() const { return fd_; }

 private:
  int release() noexcept;
  Outcome wait_for(short events, Deadline deadline, const std::atomic<bool>* stop) const;
  int fd_;
};

}  // namespace espalier::plugin
