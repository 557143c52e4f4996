// Each collective against what it is by definition, over worlds of several sizes; and a world of one does nothing.
#include <ATen/ATen.h>

#include <atomic>
#include <numeric>

#include "catch.h"
#include "core/base/error.h"
#include "core/dist/comm.h"
#include "support/thread_world.h"

using namespace espalier;
using Catch::Contains;

namespace {

at::Tensor of_rank(int64_t rank) {
  return at::arange(12, at::kFloat).reshape({6, 2}) * static_cast<double>(rank + 1);
}

// Catch's assertions are not for several threads.
void require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

}  // namespace

TEST_CASE("alone, everything is what it was and nobody is asked", "[dist]") {
  const Comm comm;
  CHECK(comm.rank() == 0);
  CHECK(comm.world_size() == 1);
  CHECK(comm.is_first());
  at::Tensor tensor = of_rank(0);
  const void* place = tensor.data_ptr();
  comm.all_reduce(tensor);
  comm.broadcast(tensor);
  CHECK(comm.reduce_scatter(tensor).data_ptr() == place);
  CHECK(comm.all_gather(tensor).data_ptr() == place);
  CHECK(at::equal(tensor, of_rank(0)));
  CHECK(comm.sum(0.1) == 0.1);
  CHECK(comm.sum(int64_t{7}) == 7);
  CHECK(comm.max(-1.0) == -1.0);
  CHECK(comm.any(true));
  CHECK_FALSE(comm.any(false));
  comm.agree("x", []() -> std::string { throw std::logic_error("there is nobody to agree with"); });
  int done = 0;
  comm.on_first([&] { ++done; });
  CHECK(done == 1);
  CHECK_THROWS_WITH(comm.on_first([] { throw Error(ErrorCode::data, "full", "disk", "hint"); }), Contains("full"));
}

TEST_CASE("sums, parts and copies are those of all ranks", "[dist]") {
  for (const int64_t world : {1, 2, 3}) {
    const double ranks = static_cast<double>(world * (world + 1)) / 2;
    run_ranks(world, [&](const Comm& comm) {
      at::Tensor sum = of_rank(comm.rank()), most = of_rank(comm.rank()), copy = of_rank(comm.rank());
      comm.all_reduce(sum);
      require(at::equal(sum, of_rank(0) * ranks), "all_reduce");
      comm.all_reduce(most, Reduce::max);
      require(at::equal(most, of_rank(world - 1)), "all_reduce max");
      const int64_t rows = 6 / world;
      require(at::equal(comm.reduce_scatter(of_rank(comm.rank())), sum.narrow(0, comm.rank() * rows, rows)),
              "reduce_scatter");
      const at::Tensor all = comm.all_gather(of_rank(comm.rank()));
      require(all.size(0) == 6 * world, "all_gather");
      for (int64_t i = 0; i < world; ++i) require(at::equal(all.narrow(0, 6 * i, 6), of_rank(i)), "all_gather rows");
      comm.broadcast(copy, world - 1);
      require(at::equal(copy, of_rank(world - 1)), "broadcast");
      require(comm.sum(comm.rank() + 1) == world * (world + 1) / 2, "sum");
      require(comm.max(static_cast<double>(-comm.rank())) == 0, "max");
      require(comm.any(comm.rank() == world - 1), "any");
      require(!comm.any(false), "not any");
      std::vector<int64_t> counts{comm.rank(), 1};
      comm.sum(counts);
      require(counts == std::vector<int64_t>{world * (world - 1) / 2, world}, "sum of several");
    });
  }
}

TEST_CASE("sums of doubles are the same bits on every rank", "[dist]") {
  std::vector<double> sums(3);
  run_ranks(3, [&](const Comm& comm) {
    const double mine = std::vector<double>{0.1, 1e16, -1e16}[static_cast<size_t>(comm.rank())];
    sums[static_cast<size_t>(comm.rank())] = comm.sum(mine);
  });
  CHECK(sums == std::vector<double>(3, (0.1 + 1e16) - 1e16));
}

TEST_CASE("who disagrees is named, on every rank", "[dist]") {
  std::atomic<int> refused{0};
  run_ranks(3, [&](const Comm& comm) {
    comm.agree("the plan", [] { return std::string("same"); });
    try {
      comm.agree("the plan", [&] { return comm.rank() == 2 ? std::string("other") : std::string("same"); });
    } catch (const Error& error) {
      require(error.message() == "rank 2 and rank 0 disagree on the plan", "message");
      require(error.code() == ErrorCode::internal, "code");
      ++refused;
    }
  });
  CHECK(refused == 3);
}

TEST_CASE("what fails on the first rank fails on all, and the others do nothing", "[dist]") {
  std::atomic<int> worked{0}, failed{0};
  run_ranks(2, [&](const Comm& comm) {
    comm.on_first([&] { ++worked; });
    try {
      comm.on_first([&] {
        ++worked;
        throw Error(ErrorCode::checkpoint, "No space left on device", "runs/x", "make room");
      });
    } catch (const Error& error) {
      require(error.code() == ErrorCode::checkpoint && error.place() == "runs/x" && error.hint() == "make room",
              "the error as it was");
      ++failed;
    }
    try {
      comm.on_first([] { throw std::runtime_error("bad\xff bytes"); });
    } catch (const Error& error) {
      require(error.code() == ErrorCode::internal, "another exception");
      ++failed;
    }
  });
  CHECK(worked == 2);
  CHECK(failed == 4);
}

TEST_CASE("a rank that dies takes no other into an endless wait", "[dist]") {
  CHECK_THROWS_WITH(run_ranks(3,
                              [](const Comm& comm) {
                                if (comm.rank() == 1) throw std::runtime_error("dies");
                                comm.barrier();
                              }),
                    "dies");
}
