// SlotTable and Slab: objects that are named by index and generation instead of by pointer.
//
// Storage grows in chunks that are never moved or given back, so an address lasts as long as its
// object and an idle table costs one pointer per chunk. A generation of 24 bits (as in Token)
// stays with the index and changes when its object ends: who still holds the old one finds
// nothing instead of the next tenant. Generation 0 is never given, so a Handle{} names nothing.
// Threading: owned by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/completion.h"
#include "engine/invariant.h"

namespace tickcast::engine {

// Objects at indexes that somebody else chooses: the kernel's direct descriptors.
template <class T>
class SlotTable {
 public:
  SlotTable() = default;
  SlotTable(const SlotTable&) = delete;
  SlotTable& operator=(const SlotTable&) = delete;
  ~SlotTable() {
    ForEach([this](std::uint32_t slot, T&) { Erase(slot); });
  }

  // Constructs T{arguments...} at `slot`, under the generation that generation(slot) tells before
  // and after. Allocates when `slot` is the first of its chunk. REQUIRES: the slot is vacant.
  template <class... Arguments>
  T& Emplace(std::uint32_t slot, Arguments&&... arguments) {
    Entry& entry = Grow(slot);
    INVARIANT((entry.tag & kLive) == 0, "a slot has one tenant at a time");
    T* object = Construct(entry.storage, std::forward<Arguments>(arguments)...);
    entry.tag |= kLive;
    ++size_;
    return *object;
  }

  // Destroys the object and gives the slot its next generation. The generation is already the new
  // one, and Find() blind, while the destructor runs. REQUIRES: the slot is taken.
  void Erase(std::uint32_t slot) {
    Entry* entry = Locate(slot);
    INVARIANT(entry != nullptr && (entry->tag & kLive) != 0, "only what lives can be erased");
    const std::uint32_t next = (entry->tag + 1) & Token::kGenerationMask;
    entry->tag = next == 0 ? kFirstGeneration : next;
    --size_;
    entry->object()->~T();
  }

  // The object at `slot`, or null. The address lasts until Erase().
  T* Find(std::uint32_t slot) {
    Entry* entry = Locate(slot);
    return entry != nullptr && (entry->tag & kLive) != 0 ? entry->object() : nullptr;
  }

  // As above, and null too when the slot's object is not the one of `generation`: what a
  // completion's token is looked up with.
  T* Find(std::uint32_t slot, std::uint32_t generation) {
    Entry* entry = Locate(slot);
    return entry != nullptr && entry->tag == (kLive | generation) ? entry->object() : nullptr;
  }

  // REQUIRES: the slot is taken.
  T& operator[](std::uint32_t slot) {
    Entry& entry = (*chunks_[slot / kChunkEntries])[slot % kChunkEntries];
    DEBUG_INVARIANT((entry.tag & kLive) != 0, "only what lives can be used");
    return *entry.object();
  }

  // The generation of the object at `slot`, or of the next one if it is vacant. In [1, 2^24).
  std::uint32_t generation(std::uint32_t slot) const {
    const Entry* entry = const_cast<SlotTable*>(this)->Locate(slot);
    return entry == nullptr ? kFirstGeneration : entry->tag & Token::kGenerationMask;
  }

  // Calls visit(index, object) for every object, by rising index. `visit` may erase any object,
  // and what it adds is visited if it lies further on.
  template <class Visit>
  void ForEach(Visit&& visit) {
    for (std::uint32_t chunk = 0; chunk < chunks_.size(); ++chunk) {
      if (chunks_[chunk] == nullptr) continue;
      for (std::uint32_t i = 0; i < kChunkEntries; ++i) {
        Entry& entry = (*chunks_[chunk])[i];
        if ((entry.tag & kLive) != 0) visit(chunk * kChunkEntries + i, *entry.object());
      }
    }
  }

  // Objects alive.
  std::uint32_t size() const { return size_; }
  // Objects that fit into the memory held now.
  std::uint32_t capacity() const { return capacity_; }

 private:
  static constexpr std::uint32_t kChunkEntries = 256;
  static constexpr std::uint32_t kFirstGeneration = 1;
  static constexpr std::uint32_t kLive = 1u << 31;

  struct Entry {
    T* object() { return std::launder(reinterpret_cast<T*>(storage)); }

    alignas(T) std::byte storage[sizeof(T)];
    std::uint32_t tag = kFirstGeneration;  // | live 1 | 0 7 | generation 24 |
  };
  struct Chunk {
    Entry& operator[](std::uint32_t i) { return entries[i]; }

    Entry entries[kChunkEntries];
  };

  // Braces where T is an aggregate, which clang 14 cannot build from parentheses.
  template <class... Arguments>
  static T* Construct(std::byte* storage, Arguments&&... arguments) {
    if constexpr (std::is_aggregate_v<T>) {
      return ::new (static_cast<void*>(storage)) T{std::forward<Arguments>(arguments)...};
    } else {
      return ::new (static_cast<void*>(storage)) T(std::forward<Arguments>(arguments)...);
    }
  }

  Entry* Locate(std::uint32_t slot) {
    const std::uint32_t chunk = slot / kChunkEntries;
    if (chunk >= chunks_.size() || chunks_[chunk] == nullptr) return nullptr;
    return &(*chunks_[chunk])[slot % kChunkEntries];
  }

  Entry& Grow(std::uint32_t slot) {
    const std::uint32_t chunk = slot / kChunkEntries;
    if (chunk >= chunks_.size()) chunks_.resize(chunk + 1);
    if (chunks_[chunk] == nullptr) {
      chunks_[chunk].reset(new Chunk);
      capacity_ += kChunkEntries;
    }
    return (*chunks_[chunk])[slot % kChunkEntries];
  }

  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

// Names one object of a Slab for as long as it lives.
struct Handle {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;  // 24 bits; 0 names nothing.

  friend constexpr bool operator==(const Handle&, const Handle&) = default;
};

// Objects at indexes of its own choice: the last one freed, else the lowest never used, so indexes
// stay dense and the memory in use stays warm.
template <class T>
class Slab {
 public:
  // Constructs T{arguments...}. Allocates only when the slab is larger than ever before.
  template <class... Arguments>
  Handle Allocate(Arguments&&... arguments) {
    std::uint32_t index = used_;
    if (free_.empty()) {
      ++used_;
    } else {
      index = free_.back();
      free_.pop_back();
    }
    objects_.Emplace(index, std::forward<Arguments>(arguments)...);
    return {index, objects_.generation(index)};
  }

  // Destroys the object; its handle is stale from here on. REQUIRES: it is alive.
  void Free(std::uint32_t index) {
    objects_.Erase(index);
    if (free_.size() == free_.capacity()) free_.reserve(objects_.capacity());
    free_.push_back(index);
  }
  void Free(Handle handle) {
    INVARIANT(Find(handle) != nullptr, "a stale handle frees nothing");
    Free(handle.index);
  }

  // The object, or null when it has been freed. The address lasts until Free().
  T* Find(Handle handle) { return objects_.Find(handle.index, handle.generation); }

  // REQUIRES: an object lives at `index`.
  T& operator[](std::uint32_t index) { return objects_[index]; }

  // The handle of the object at `index`. REQUIRES: one lives there.
  Handle handle(std::uint32_t index) const { return {index, objects_.generation(index)}; }

  // As SlotTable::ForEach().
  template <class Visit>
  void ForEach(Visit&& visit) {
    objects_.ForEach(std::forward<Visit>(visit));
  }

  std::uint32_t size() const { return objects_.size(); }
  std::uint32_t capacity() const { return objects_.capacity(); }

 private:
  SlotTable<T> objects_;
  std::vector<std::uint32_t> free_;  // Indexes below used_ that are vacant; the last is next.
  std::uint32_t used_ = 0;
};

}  // namespace tickcast::engine
